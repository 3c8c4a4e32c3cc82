//! Jobs in containers of this machine: the image of this very program, with the data folder in it and little else.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tradai_embedded::{DockerMount, DockerSettings};
use tradai_platform::settings::Reader;
use tradai_platform::topology::topology;

use crate::local::LocalHost;

/// How long the daemon may be away before its jobs are given up: it is started again in less.
const LOST_AFTER: Duration = Duration::from_secs(60);
/// Variables that name places of the host, or programs of it.
const OF_THE_HOST: [&str; 7] =
    ["HOME", "LD_LIBRARY_PATH", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TRADAI_SETTINGS_DIR"];

/// What a host is told of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSettings {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// The image.
    pub image: String,
    /// The volume that has the data folder, where the host is in a container itself; its own folder otherwise.
    pub volume: Option<String>,
    /// The network of the containers.
    pub network: Option<String>,
}

impl ContainerSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            socket: PathBuf::from(
                reader
                    .key("DOCKER_SOCKET", "socket of the Docker daemon, for LOCAL_EXECUTION_MODE=docker")
                    .or("/var/run/docker.sock".to_owned()),
            ),
            image: reader
                .key("DOCKER_IMAGE", "image that runs jobs in containers")
                .or("tradai/runtime:latest".to_owned()),
            volume: reader
                .key(
                    "DOCKER_VOLUME",
                    "volume of the data folder, where this service is in a container itself",
                )
                .optional(),
            network: reader.key("DOCKER_NETWORK", "network of jobs in containers").optional(),
        }
    }

    /// Returns the containers of a host's jobs; `environment` is what its jobs get. The size is that of the platform's
    /// table.
    pub(crate) fn docker(
        &self,
        host: &LocalHost<'_>,
        environment: &BTreeMap<String, String>,
        stop_grace: Duration,
    ) -> DockerSettings {
        let data = absolute(&host.state.data_dir);
        let mut environment = environment.clone();
        environment.retain(|name, _| !OF_THE_HOST.contains(&name.as_str()));
        // Folders have the same paths as here: a job's record says where its results are.
        let place = |path: &Path| path.display().to_string();
        environment.insert("TRADAI_DATA_DIR".to_owned(), place(&data));
        let mut mounts = vec![DockerMount {
            source: self.volume.clone().unwrap_or_else(|| place(&data)),
            target: place(&data),
            read_only: false,
        }];
        if let Some(strategies) = host.strategies.map(absolute) {
            if !strategies.starts_with(&data) {
                let (source, target) = (place(&strategies), place(&strategies));
                mounts.push(DockerMount { source, target, read_only: true });
            }
            environment.insert("STRATEGY_PATH".to_owned(), place(&strategies));
        }
        let size = topology().services.get("strategy-container");
        DockerSettings {
            socket: self.socket.clone(),
            folder: host.state.tasks(),
            image: self.image.clone(),
            arguments: Vec::new(),
            environment,
            labels: BTreeMap::new(),
            mounts,
            network: self.network.clone(),
            user: if self.volume.is_some() { None } else { owner(&data) },
            memory: size.map(|size| u64::from(size.memory) << 20),
            milli_cpus: size.map(|size| size.cpu.saturating_mul(1_000) / 1_024),
            stop_grace,
            lost_after: LOST_AFTER,
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Whoever owns the folder may write to it; the image's user may not.
fn owner(folder: &Path) -> Option<String> {
    let metadata = std::fs::metadata(folder).ok()?;
    Some(format!("{}:{}", metadata.uid(), metadata.gid()))
}

#[cfg(test)]
mod tests {
    use tradai_platform::settings::sections::{LogSettings, StateSettings};
    use tradai_platform::settings::{Inputs, Settings, load};

    use super::*;

    struct Sections(ContainerSettings, LogSettings);

    impl Settings for Sections {
        const SERVICE: &'static str = "backend";
        const PREFIX: &'static str = "BACKEND_";

        fn read(reader: &mut Reader<'_>) -> Self {
            Self(ContainerSettings::read(reader), LogSettings::read(reader))
        }
    }

    fn docker(variables: &[(&str, &str)], data: &Path, strategies: &Path) -> DockerSettings {
        let mut inputs = Inputs::default();
        for (name, value) in variables {
            inputs = inputs.variable(name, value);
        }
        let Sections(settings, log) = load(&inputs).unwrap().settings;
        let (state, none) = (StateSettings::new(data.to_owned()), BTreeMap::new());
        let host = LocalHost {
            program: PathBuf::from("tradai"),
            state: &state,
            strategies: Some(strategies),
            log: &log,
            environment: &none,
        };
        let given = [("PATH", "/bin"), ("TRADAI_DATA_DIR", "elsewhere"), ("LOG_LEVEL", "info")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        settings.docker(&host, &given, Duration::from_secs(10))
    }

    #[test]
    fn the_data_folder_is_in_the_container_and_the_hosts_places_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let docker = docker(&[], folder.path(), Path::new("/opt/strategies"));
        let data = folder.path().display().to_string();
        assert_eq!(
            docker.mounts,
            [
                DockerMount { source: data.clone(), target: data.clone(), read_only: false },
                DockerMount {
                    source: "/opt/strategies".to_owned(),
                    target: "/opt/strategies".to_owned(),
                    read_only: true
                },
            ]
        );
        let environment: Vec<_> = docker.environment.into_iter().collect();
        let expected =
            [("LOG_LEVEL", "info"), ("STRATEGY_PATH", "/opt/strategies"), ("TRADAI_DATA_DIR", &data)];
        assert_eq!(environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let owner = std::fs::metadata(folder.path()).unwrap();
        assert_eq!(docker.user, Some(format!("{}:{}", owner.uid(), owner.gid())));
        assert_eq!((docker.memory, docker.milli_cpus), (Some(2_048 << 20), Some(1_000)));
        assert_eq!((docker.image.as_str(), docker.network), ("tradai/runtime:latest", None));
    }

    #[test]
    fn a_host_in_a_container_shares_its_volume() {
        let variables = [
            ("BACKEND_DOCKER_VOLUME", "tradai_tradai-data"),
            ("BACKEND_DOCKER_IMAGE", "tradai/runtime:v2"),
            ("BACKEND_DOCKER_NETWORK", "tradai_tradai-internal"),
        ];
        let docker = docker(&variables, Path::new("/data"), Path::new("/data/strategies"));
        assert_eq!((docker.mounts.len(), docker.mounts[0].source.as_str()), (1, "tradai_tradai-data"));
        assert_eq!(docker.environment["STRATEGY_PATH"], "/data/strategies");
        assert_eq!((docker.user, docker.image.as_str()), (None, "tradai/runtime:v2"));
        assert_eq!(docker.network.as_deref(), Some("tradai_tradai-internal"));
    }
}
