//! `infra/platform.yaml`: what the platform is made of, as the program was built with it.
//!
//! For defaults and checks of hosts and for tests. Invariant: a service's port is written down there and nowhere
//! else.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

const TABLE: &str = include_str!("../../../infra/platform.yaml");

/// What the platform is made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The cloud region when none is set.
    pub region: String,
    /// The environments, least important first.
    pub environments: Vec<String>,
    /// The services, by name.
    pub services: BTreeMap<String, ServiceEntry>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceEntry {
    /// Folder of its source, from the repository's root, or of a third party's Dockerfile; `None` for what is another
    /// service's program.
    pub folder: Option<String>,
    /// Repository of its container image.
    pub repository: String,
    /// Where it listens; `None` for tasks that run to their end.
    pub port: Option<u16>,
    /// CPU of its task, in 1/1024 of a core.
    pub cpu: u32,
    /// Memory of its task, in MiB.
    pub memory: u32,
    /// Path that answers 200 when it is alive.
    pub health: Option<String>,
    /// Seconds it may take to come up.
    #[serde(default)]
    pub start_period_s: u32,
    /// Whether it may run on capacity that can be taken back.
    pub spot: bool,
    /// How many run, by environment.
    pub desired: BTreeMap<String, u32>,
}

impl Topology {
    /// Returns where a service listens; `None` for a task, and for what is none of the services.
    #[must_use]
    pub fn port(&self, service: &str) -> Option<u16> {
        self.services.get(service)?.port
    }
}

/// Returns the table.
///
/// # Panics
/// Never in a build whose tests pass: the table is part of the program.
#[must_use]
pub fn topology() -> &'static Topology {
    static TOPOLOGY: LazyLock<Topology> =
        LazyLock::new(|| serde_saphyr::from_str(TABLE).expect("infra/platform.yaml is checked by the tests"));
    &TOPOLOGY
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_service_has_its_documented_task() {
        let tasks: Vec<_> = topology()
            .services
            .iter()
            .map(|(name, service)| (name.as_str(), service.port, service.cpu, service.memory, service.spot))
            .collect();
        let documented = [
            ("backend-api", Some(8000), 512, 1024, true),
            ("data-collection", Some(8002), 256, 512, true),
            ("dry-run-trading", Some(8005), 1024, 2048, true),
            ("live-trading", Some(8004), 1024, 2048, false),
            ("mlflow", Some(5000), 512, 1024, true),
            ("strategy-container", None, 1024, 2048, true),
            ("strategy-service", Some(8003), 512, 1024, true),
        ];
        assert_eq!(tasks, documented);
    }

    #[test]
    fn services_are_complete_and_apart() {
        let topology = topology();
        let mut ports = std::collections::BTreeSet::new();
        for (name, service) in &topology.services {
            assert_eq!(service.port.is_some(), service.health.is_some(), "{name}: who listens is asked");
            assert!(service.port.is_none_or(|port| ports.insert(port)), "{name}: its port is another's");
            let desired: Vec<&String> = service.desired.keys().collect();
            let mut environments: Vec<&String> = topology.environments.iter().collect();
            environments.sort();
            assert_eq!(desired, environments, "{name}");
        }
    }

    #[test]
    fn folders_of_services_are_there_and_listed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let listed: Vec<String> =
            topology().services.values().filter_map(|service| service.folder.clone()).collect();
        for folder in &listed {
            let folder = root.join(folder);
            let is_there = ["Cargo.toml", "Dockerfile"].iter().any(|file| folder.join(file).is_file());
            assert!(is_there, "{} has neither source nor Dockerfile", folder.display());
        }
        for entry in std::fs::read_dir(root.join("services")).into_iter().flatten() {
            let folder = format!("services/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(listed.contains(&folder), "infra/platform.yaml lists no {folder}");
        }
    }
}
