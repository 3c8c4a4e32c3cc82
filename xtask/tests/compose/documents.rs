//! What the compose files say, against `infra/platform.yaml` and the documented names.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::file::{Compose, Service, Stage, Variables, compose, filled, root, text};

const FILES: [&str; 2] = ["docker-compose.yaml", "docker-compose.override.yaml"];

/// Everything that has no default.
fn keys() -> Variables {
    let names = ["TRADAI_API_KEYS", "TRADAI_PEER_API_KEY", "POSTGRES_PASSWORD"];
    names.iter().map(|name| ((*name).to_owned(), "secret".to_owned())).collect()
}

fn base() -> Compose {
    compose(FILES[0], &keys())
}

/// The services of ours: those with a target in the `Dockerfile`.
fn programs(compose: &Compose) -> BTreeMap<&str, (&Service, Stage)> {
    let target = |service: &Service| service.build.as_ref()?.target.clone();
    let services = compose.services.iter();
    services
        .filter_map(|(name, service)| Some((name.as_str(), (service, Stage::of(&target(service)?)))))
        .collect()
}

/// The entry of the table with this image.
fn entry(table: &Value, repository: &str) -> Value {
    let services = table["services"].as_object().unwrap();
    services.values().find(|entry| entry["repository"] == repository).unwrap().clone()
}

fn table() -> Value {
    serde_saphyr::from_str(&text("infra/platform.yaml")).unwrap()
}

#[test]
fn services_have_the_ports_images_and_names_of_the_table() {
    let (compose, table) = (base(), table());
    let programs = programs(&compose);
    assert_eq!(
        programs.keys().copied().collect::<Vec<_>>(),
        ["backend", "data-collection", "strategy-service"]
    );
    for (name, (service, stage)) in programs {
        let entry = entry(&table, service.repository());
        let port = u16::try_from(entry["port"].as_u64().unwrap()).unwrap();
        assert_eq!(service.ports, [format!("127.0.0.1:{port}:{port}")], "{name}");
        assert_eq!(stage.port(), Some(port), "{name}");
        assert_eq!(service.container_name.as_deref(), Some(format!("tradai-{name}").as_str()));
        let package = text(&format!("{}/Cargo.toml", entry["folder"].as_str().unwrap()));
        assert!(package.contains(&format!("name = \"{}\"", stage.program())), "{name} is another program");
    }
    let mlflow = entry(&table, "tradai/mlflow");
    let over = compose_of_the_override(&Variables::new());
    assert_eq!(over.services["mlflow"].ports, [format!("127.0.0.1:5001:{}", mlflow["port"])]);
    let dockerfile = text(&format!("{}/Dockerfile", mlflow["folder"].as_str().unwrap()));
    assert!(dockerfile.contains(&format!(
        "http://127.0.0.1:{}{}",
        mlflow["port"],
        mlflow["health"].as_str().unwrap()
    )));
    assert!(dockerfile.contains(&format!("EXPOSE {}\n", mlflow["port"])));
}

fn compose_of_the_override(more: &Variables) -> Compose {
    let mut variables = keys();
    variables.extend(more.clone());
    compose(FILES[1], &variables)
}

#[test]
fn services_are_asked_for_their_health_by_their_own_program() {
    let compose = base();
    for (name, (service, stage)) in programs(&compose) {
        let healthcheck = service.healthcheck.as_ref().unwrap();
        let command = [stage.program(), "healthcheck".to_owned()];
        assert_eq!(healthcheck.test, ["CMD", &command[0], &command[1]], "{name}");
        assert_eq!((healthcheck.interval.as_str(), healthcheck.timeout.as_str()), ("30s", "10s"), "{name}");
        assert_eq!((healthcheck.retries, healthcheck.start_period.as_deref()), (3, Some("15s")), "{name}");
        let (options, in_image) = stage.healthcheck().unwrap();
        assert_eq!(
            options,
            ["--interval=30s", "--timeout=10s", "--retries=3", "--start-period=15s"],
            "{name}"
        );
        assert_eq!(in_image, command, "{name}");
    }
    let waits_for: Vec<&String> = compose.services["backend"].depends_on.keys().collect();
    assert_eq!(waits_for, ["data-collection", "strategy-service"]);
    for (name, condition) in &compose.services["backend"].depends_on {
        assert_eq!(condition["condition"], "service_healthy", "{name}");
    }
    let others = compose_of_the_override(&Variables::new());
    for (name, service) in compose.services.iter().chain(&others.services) {
        let is_started = service.image.is_some();
        assert_eq!(service.healthcheck.is_some(), is_started, "{name}");
    }
}

#[test]
fn services_find_one_another_and_share_a_folder() {
    let compose = base();
    let variables: BTreeMap<&str, String> = compose.services["backend"].variables().collect();
    assert_eq!(variables["BACKEND_DATA_COLLECTION_URL"], "http://data-collection:8002");
    assert_eq!(variables["BACKEND_STRATEGY_SERVICE_URL"], "http://strategy-service:8003");
    assert_eq!(variables["BACKEND_MLFLOW_TRACKING_URI"], "http://mlflow:5000");
    assert_eq!(variables["BACKEND_EXECUTOR_MODE"], "local");
    assert_eq!(variables["BACKEND_LOCAL_EXECUTION_MODE"], "subprocess");
    for (name, (service, _)) in programs(&compose) {
        let variables: BTreeMap<&str, String> = service.variables().collect();
        let prefix = name.to_uppercase().replace('-', "_");
        assert_eq!(variables["TRADAI_DATA_DIR"], "/data", "{name}");
        assert_eq!(variables[format!("{prefix}_HOST").as_str()], "0.0.0.0", "{name}");
        assert_eq!(variables[format!("{prefix}_API_KEYS").as_str()], "secret", "{name} is open to everybody");
        assert_eq!(service.networks, ["tradai-internal", "tradai-external"], "{name}");
    }
    assert_eq!(compose.services["postgres"].networks, ["tradai-internal"]);
    assert_eq!(compose.services["postgres"].ports, [""; 0], "only the override opens it");
    let networks: Vec<&String> = compose.networks.keys().collect();
    assert_eq!(networks, ["tradai-external", "tradai-internal"]);
    assert!(compose.networks.values().all(|network| network["driver"] == "bridge"));
}

/// Else candles would be collected into a bucket, and tested from a folder.
#[test]
fn who_collects_candles_and_who_runs_jobs_know_one_bucket() {
    let more = Variables::from([("ARCTIC_S3_BUCKET".to_owned(), "candles".to_owned())]);
    let over = compose_of_the_override(&more);
    let of = |name: &str| over.services[name].variables().collect::<BTreeMap<&str, String>>();
    let (collecting, running) = (of("data-collection"), of("backend"));
    assert_eq!(collecting["ARCTIC_S3_BUCKET"], "candles");
    assert_eq!(collecting["ARCTIC_S3_ENDPOINT"], "http://localstack:4566");
    assert_eq!(collecting, running);
    assert!(collecting.keys().all(|name| !name.starts_with("DATA_COLLECTION_")), "jobs do not see it");
}

#[test]
fn third_parties_are_those_of_the_documents() {
    let (base, over) = (base(), compose_of_the_override(&Variables::new()));
    assert_eq!(base.services["postgres"].image.as_deref(), Some("postgres:15-alpine"));
    assert_eq!(over.services["postgres"].ports, ["127.0.0.1:5433:5432"]);
    let documented = [
        ("mlflow", "tradai/mlflow:latest", "5001:5000"),
        ("localstack", "localstack/localstack:3.8", "4566:4566"),
        ("redis", "redis:7-alpine", "6379:6379"),
    ];
    for (name, image, port) in documented {
        let service = &over.services[name];
        assert_eq!(service.image.as_deref(), Some(image));
        assert_eq!(service.profiles, [name], "it starts when asked for");
        assert_eq!(service.ports, [format!("127.0.0.1:{port}")]);
        assert_eq!(service.container_name.as_deref(), Some(format!("tradai-{name}").as_str()));
    }
}

#[test]
fn ports_of_this_machine_and_tags_come_from_variables() {
    let mut variables = keys();
    for (name, value) in [
        ("TAG", "v2"),
        ("HOST_ADDRESS", "0.0.0.0"),
        ("HOST_BACKEND_PORT", "18000"),
        ("HOST_DATA_COLLECTION_PORT", "18002"),
        ("HOST_STRATEGY_SERVICE_PORT", "18003"),
        ("MLFLOW_PORT", "15000"),
        ("LOCALSTACK_PORT", "14566"),
        ("REDIS_PORT", "16379"),
        ("POSTGRES_PORT", "15432"),
    ] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    let (base, over) = (compose(FILES[0], &variables), compose(FILES[1], &variables));
    let port = |compose: &Compose, name: &str| compose.services[name].ports.concat();
    assert_eq!(port(&base, "backend"), "0.0.0.0:18000:8000");
    assert_eq!(port(&base, "data-collection"), "0.0.0.0:18002:8002");
    assert_eq!(port(&base, "strategy-service"), "0.0.0.0:18003:8003");
    assert_eq!(port(&over, "mlflow"), "127.0.0.1:15000:5000");
    assert_eq!(port(&over, "localstack"), "127.0.0.1:14566:4566");
    assert_eq!(port(&over, "redis"), "127.0.0.1:16379:6379");
    assert_eq!(port(&over, "postgres"), "127.0.0.1:15432:5432");
    assert_eq!(base.services["backend"].image.as_deref(), Some("tradai/backend:v2"));
    assert_eq!(over.services["mlflow"].image.as_deref(), Some("tradai/mlflow:v2"));
}

#[test]
fn nobody_is_root_or_holds_the_docker_socket() {
    for (name, (service, _)) in programs(&base()) {
        assert_eq!(service.user.as_deref(), Some("65532:65532"), "{name}");
        assert!(service.read_only && service.cap_drop == ["ALL"], "{name} may do more than it needs");
    }
    for file in FILES {
        let text = text(file);
        for risk in ["docker.sock", "privileged", "network_mode", "0:0", "user: root"] {
            assert!(!text.contains(risk), "{file} has {risk}");
        }
    }
    for file in ["Dockerfile", "services/mlflow/Dockerfile"] {
        let text = text(file);
        let user = text.lines().rfind(|line| line.starts_with("USER ")).unwrap();
        assert_eq!(user, "USER 65532:65532", "{file}");
    }
}

#[test]
fn keys_are_asked_for_and_never_written_down() {
    for name in keys().keys() {
        let mut others = keys();
        others.remove(name);
        let filled = std::panic::catch_unwind(|| filled(&text(FILES[0]), &others));
        assert!(filled.is_err(), "{name} has a default");
    }
    assert!(text(".gitignore").lines().any(|line| line == "/.env"));
}

#[test]
fn docker_compose_itself_reads_them() {
    if !Command::new("docker-compose").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: docker-compose is not installed");
        return;
    }
    let profiles = ["--profile", "mlflow", "--profile", "localstack", "--profile", "redis"];
    for (files, profiles) in
        [(&FILES[..1], &profiles[..0]), (&FILES[..], &profiles[..0]), (&FILES[..], &profiles)]
    {
        let mut command = Command::new("docker-compose");
        command.current_dir(root()).envs(keys()).args(files.iter().flat_map(|file| ["--file", file]));
        let output = command.args(profiles).args(["config", "--quiet"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn hadolint_finds_no_fault() {
    let Ok(hadolint) = std::env::var("TRADAI_HADOLINT") else {
        println!("skipped: hadolint is not installed (cargo xtask test installs it)");
        return;
    };
    let files = ["Dockerfile", "services/mlflow/Dockerfile"];
    let output = Command::new(hadolint).args(files).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
