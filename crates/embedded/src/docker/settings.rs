//! What containers of tasks are made of.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, RestartPolicy,
    RestartPolicyNameEnum,
};
use tradai_domain::ports::TaskSpec;

/// The label that names a container's task.
pub(super) const TASK_LABEL: &str = "tradai.task";
/// Processes and threads that a task may have.
const MAX_PROCESSES: i64 = 512;
/// What the daemon keeps of a task's output at most, in megabytes: the end of it.
const MAX_OUTPUT: &str = "8m";

/// What every container of a runner has in common.
#[derive(Debug, Clone)]
pub struct DockerSettings {
    /// The daemon's socket: `/var/run/docker.sock`.
    pub socket: PathBuf,
    /// Where the folders of tasks are; that of the runners of processes, if there are any.
    pub folder: PathBuf,
    /// The image, which must be on the machine: `tradai/runtime:latest`. Its entry point is the program.
    pub image: String,
    /// First arguments of the program; a task's own follow.
    pub arguments: Vec<String>,
    /// Variables that every task gets; a task's own win.
    pub environment: BTreeMap<String, String>,
    /// Labels beside our own.
    pub labels: BTreeMap<String, String>,
    /// What the container sees of the machine. Everything else in it is read-only, but `/tmp`.
    pub mounts: Vec<DockerMount>,
    /// The network; the daemon's default when `None`.
    pub network: Option<String>,
    /// User and group in the container, where not the image's: `65532:65532`.
    pub user: Option<String>,
    /// Memory in bytes, swap included; a task that takes more is killed. `None` for no limit.
    pub memory: Option<u64>,
    /// Cores, in thousandths. `None` for no limit.
    pub milli_cpus: Option<u32>,
    /// How long a task may take to end after it was asked to.
    pub stop_grace: Duration,
    /// How long the daemon may be away before tasks are given up that are waited for.
    pub lost_after: Duration,
}

/// A folder or volume in containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerMount {
    /// The folder of the machine, if it begins with a slash, or the name of a volume.
    pub source: String,
    /// Where it is in the container.
    pub target: String,
    /// Whether it must not be written to.
    pub read_only: bool,
}

impl DockerSettings {
    /// Returns the container of a task: it may do nothing that a program does not need that computes and writes to
    /// its mounts.
    pub(super) fn container(&self, task: &TaskSpec) -> ContainerCreateBody {
        let mut environment = self.environment.clone();
        environment.extend(task.environment.clone());
        let mut labels = self.labels.clone();
        labels.insert(TASK_LABEL.to_owned(), task.name.clone());
        ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(self.arguments.iter().chain(&task.arguments).cloned().collect()),
            env: Some(environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(labels.into_iter().collect()),
            user: self.user.clone(),
            host_config: Some(self.host_config()),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let memory = self.memory.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        HostConfig {
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
            privileged: Some(false),
            readonly_rootfs: Some(true),
            tmpfs: Some(HashMap::from([("/tmp".to_owned(), String::new())])),
            pids_limit: Some(MAX_PROCESSES),
            memory,
            // No swap on top: a task that needs more than its memory would take the machine's time from all others.
            memory_swap: memory,
            nano_cpus: self.milli_cpus.map(|milli| i64::from(milli) * 1_000_000),
            // Passes signals on, and reaps what the task leaves behind.
            init: Some(true),
            network_mode: self.network.clone(),
            mounts: Some(self.mounts.iter().map(mount).collect()),
            // Its end is a result, and nothing that is to be tried again.
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                ..RestartPolicy::default()
            }),
            auto_remove: Some(false),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                // Two files, as the daemon empties the only one when it is full.
                config: Some(HashMap::from(
                    [("max-size", MAX_OUTPUT), ("max-file", "2")]
                        .map(|(name, value)| (name.to_owned(), value.to_owned())),
                )),
            }),
            ..HostConfig::default()
        }
    }
}

fn mount(mount: &DockerMount) -> Mount {
    let is_folder = mount.source.starts_with('/');
    Mount {
        typ: Some(if is_folder { MountType::BIND } else { MountType::VOLUME }),
        source: Some(mount.source.clone()),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..Mount::default()
    }
}
