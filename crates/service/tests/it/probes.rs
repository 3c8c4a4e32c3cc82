//! Health, readiness, version, metrics, the OpenAPI document and its page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tradai_service::{Check, Service, Shutdown};

use crate::api::{app, fetch, loopback};

fn with_checks(checks: impl IntoIterator<Item = Check>, shutdown: &Shutdown) -> tradai_service::App {
    let service = Service::new("test", "1.2.3", &loopback(), shutdown);
    checks.into_iter().fold(service, Service::check).build()
}

#[tokio::test(start_paused = true)]
async fn readiness_names_each_hard_dependency_that_fails() {
    let up = Arc::new(AtomicBool::new(false));
    let store = up.clone();
    let patience = Duration::from_secs(2);
    let app = with_checks(
        [
            Check::hard("store", patience, move || {
                let up = store.load(Ordering::SeqCst);
                async move { if up { Ok(()) } else { Err("password=hunter2".to_owned()) } }
            }),
            Check::hard("exchange", patience, {
                let up = up.clone();
                move || {
                    let up = up.load(Ordering::SeqCst);
                    async move { if up { Ok(()) } else { std::future::pending().await } }
                }
            }),
            Check::hard("fine", patience, || async { Ok(()) }),
            Check::soft("mlflow", patience, || async { Err("down".to_owned()) }),
        ],
        &Shutdown::manual(),
    );
    let reply = fetch(&app, "/api/v1/ready").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "SYS006"));
    assert_eq!(reply.json()["detail"], "failing: store, exchange");
    assert_eq!(reply.json()["errors"][0]["pointer"], "/store");
    assert_eq!(reply.json()["errors"][1]["reason"], "timed out");
    assert!(!reply.text.contains("hunter2") && !reply.header("retry-after").is_empty());

    let health = fetch(&app, "/api/v1/health").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &Value::from("degraded")));

    up.store(true, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(2)).await;
    let reply = fetch(&app, "/api/v1/ready").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["dependencies"][3]["status"], "down");
    assert_eq!(reply.json()["status"], "degraded", "mlflow is missed, and not needed");
}

#[tokio::test(start_paused = true)]
async fn checks_run_once_however_many_ask() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let check = Check::hard("store", Duration::from_secs(2), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(())
        }
    });
    let app = with_checks([check], &Shutdown::manual());
    let asks = (0..20).map(|_| fetch(&app, "/api/v1/ready"));
    assert!(futures_util::future::join_all(asks).await.iter().all(|reply| reply.status == 200));
    for _ in 0..20 {
        fetch(&app, "/api/v1/health").await;
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn health_answers_while_a_dependency_hangs() {
    let check = Check::hard("store", Duration::from_secs(20), std::future::pending);
    let app = with_checks([check], &Shutdown::manual());
    let started = tokio::time::Instant::now();
    let health = fetch(&app, "/api/v1/health").await.json();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(
        (&health["status"], &health["dependencies"][0]["status"]),
        (&"degraded".into(), &"unknown".into())
    );
    tokio::time::sleep(Duration::from_secs(20)).await;
    let health = fetch(&app, "/api/v1/health").await.json();
    assert_eq!(health["dependencies"][0]["status"], "timed_out");
}

#[tokio::test]
async fn a_stopping_service_lives_but_is_not_ready() {
    let shutdown = Shutdown::manual();
    let app = with_checks([], &shutdown);
    assert_eq!(fetch(&app, "/api/v1/ready").await.json()["status"], "ready");
    shutdown.stop();
    assert_eq!(fetch(&app, "/api/v1/ready").await.code(), "SYS006");
    assert_eq!(fetch(&app, "/api/v1/health").await.status, 200);
}

#[tokio::test]
async fn the_version_is_told() {
    let version = fetch(&app(&loopback()), "/api/v1/version").await.json();
    assert_eq!((&version["service"], &version["version"]), (&"test".into(), &"1.2.3".into()));
    assert_eq!(version["started_at"], "2023-11-14T22:13:20Z");
}

#[tokio::test]
async fn metrics_count_by_route_template() {
    let app = app(&loopback());
    fetch(&app, "/number/1").await;
    fetch(&app, "/number/2").await;
    fetch(&app, "/made-up-path").await;
    let reply = fetch(&app, "/metrics").await;
    assert!(reply.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        r#"tradai_http_requests_total{method="GET",route="/number/{number}",status="200"} 2"#,
        r#"tradai_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"tradai_http_request_seconds_count{method="GET",route="/number/{number}",status="200"} 2"#,
        "tradai_http_requests_running 1",
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        r#"tradai_build_info{service="test",version="1.2.3"} 1"#,
    ] {
        assert!(reply.text.contains(line), "{line} in\n{}", reply.text);
    }
    assert!(!reply.text.contains("made-up-path"));
}

#[tokio::test]
async fn the_document_describes_api_and_probes() {
    let app = app(&loopback());
    let spec = fetch(&app, "/openapi.json").await.json();
    assert!(spec["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in ["/api/v1/orders", "/api/v1/health", "/api/v1/ready", "/api/v1/version"] {
        assert!(spec["paths"][path].is_object(), "{path}");
    }
    assert!(spec["components"]["schemas"]["Problem"]["properties"]["trace_id"].is_object(), "{spec:#}");
    assert_eq!(spec["paths"]["/api/v1/orders"]["post"]["responses"]["201"]["description"], "Created");
    let failure = &spec["paths"]["/api/v1/orders"]["post"]["responses"]["default"]["content"];
    assert_eq!(failure["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
    let ready = &spec["paths"]["/api/v1/ready"]["get"]["responses"]["503"];
    assert!(ready["content"]["application/problem+json"].is_object() && ready["description"] == "Not ready");
    assert_eq!(spec["info"]["title"], "test");
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let app = app(&loopback());
    let moved = fetch(&app, "/docs").await;
    let page = if moved.status == 200 { moved } else { fetch(&app, moved.header("location")).await };
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
    let mut loaded = 0;
    for quoted in ["src=\"", "href=\""].iter().flat_map(|start| page.text.split(start).skip(1)) {
        let link = quoted.split('"').next().unwrap();
        assert!(!link.contains("//"), "{link}");
        let path = format!("/docs/{}", link.trim_start_matches("./").trim_start_matches("/docs/"));
        let reply = fetch(&app, &path).await;
        assert_eq!(reply.status, 200, "{path}");
        if link.contains("initializer") {
            assert!(
                reply.text.contains("\"/openapi.json\"") && reply.text.contains("\"none\""),
                "{}",
                reply.text
            );
        }
        loaded += 1;
    }
    assert!(loaded >= 4, "{}", page.text);
}

#[tokio::test]
async fn a_problems_type_leads_to_its_meaning() {
    let app = app(&loopback());
    let reply = fetch(&app, "/problems/VAL002").await;
    assert!(reply.text.starts_with("VAL002 Invalid value (422)"));
    assert_eq!(fetch(&app, "/problems/VAL999").await.code(), "RES001");
}
