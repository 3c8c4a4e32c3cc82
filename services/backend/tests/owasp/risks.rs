//! One test for each risk, in the list's order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tradai_domain::jobs::JobStatus;
use tradai_http_client::reqwest;
use tradai_platform::settings::load;
use tradai_service::axum::Router;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::{Request, StatusCode, header};
use tradai_service::axum::response::{IntoResponse, Redirect, Response};
use tradai_service::{ServeError, Shutdown, serve};

use crate::operations::operations;
use crate::platform::{BACKTESTS, Platform, Who, ask, backtest, until};

/// Where nobody needs to be known: probes, and beginning or ending a session.
const OPEN: [&str; 5] = [
    "GET /api/v1/health",
    "GET /api/v1/ready",
    "GET /api/v1/version",
    "POST /api/v1/auth/session",
    "DELETE /api/v1/auth/session",
];

/// What a viewer may do although it is no GET: nothing is changed by it.
const READS: [&str; 7] = [
    "POST /api/v1/auth/tickets",
    "POST /api/v1/backtests/compare",
    "POST /api/v1/export",
    "POST /api/v1/strategies/merge",
    "POST /api/v1/strategies/validate",
    "POST /api/v1/analysis",
    "POST /api/v1/strategies/{name}/check",
];

#[tokio::test]
async fn owasp_api1_broken_object_level_authorization() {
    let platform = Platform::new().await;
    let job = platform.submit(Who::Trader).await;
    // A job is the team's: all may see it, and what may be done with it goes by role, never by knowing its id.
    assert_eq!(platform.get(Who::Viewer, &job).await.status, 200);
    assert_eq!(platform.get(Who::Nobody, &job).await.code(), "AUTH001");
    for (who, action) in [(Who::Viewer, "cancel"), (Who::Nobody, "cancel")] {
        let reply = platform.post(who, &format!("{job}/{action}"), &Value::Null).await;
        assert!(matches!(reply.code().as_str(), "AUTH001" | "AUTH002"), "{who:?} {}", reply.text);
    }
    for who in [Who::Viewer, Who::Trader, Who::OtherTrader] {
        let reply = ask(&platform.backend, who, Request::delete(&job), Body::empty()).await;
        assert_eq!(reply.code(), "AUTH002", "{who:?}");
    }
    // A key that another caller chose by chance or on purpose does not lead to their job.
    let keyed = async |who| {
        let request = Request::post(BACKTESTS)
            .header("content-type", "application/json")
            .header("idempotency-key", "once");
        ask(&platform.backend, who, request, Body::from(backtest().to_string())).await.json()["job_id"]
            .clone()
    };
    let own = keyed(Who::Trader).await;
    assert_eq!(keyed(Who::Trader).await, own);
    assert_ne!(keyed(Who::OtherTrader).await, own);
    // Ids that are none lead nowhere else: not to another folder, and not to another kind of object.
    std::fs::write(platform.folder.path().join("secrets.json"), "{\"x\": \"hunter2\"}").unwrap();
    for id in ["..%2Fsecrets.json", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..", "*", "1 OR 1=1", "%00"] {
        for part in ["", "/manifest", "/logs", "/report.html"] {
            let reply =
                platform.get(Who::Admin, &format!("{BACKTESTS}/{}{part}", id.replace(' ', "%20"))).await;
            assert!(matches!(reply.status, 400 | 404 | 422), "{id}{part}: {}", reply.status);
            assert!(!reply.text.contains("hunter2") && !reply.text.contains("root:"), "{}", reply.text);
        }
    }
}

#[tokio::test]
async fn owasp_api2_broken_authentication() {
    let platform = Platform::new().await;
    for (service, app) in platform.services() {
        for operation in operations(app) {
            if OPEN.contains(&operation.name().as_str()) {
                continue;
            }
            let reply = operation.ask(app, Who::Nobody).await;
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (401, "AUTH001"),
                "{service} {}",
                operation.name()
            );
        }
        for (name, value) in [
            ("authorization", "Bearer wrong"),
            ("authorization", "Bearer "),
            ("authorization", "Basic dmVyYTprZXktb2YtdmVyYQ=="),
            // {"alg":"none","kid":"x"}
            ("authorization", "Bearer eyJhbGciOiJub25lIiwia2lkIjoieCJ9.eyJzdWIiOiJhZGEifQ."),
            ("x-api-key", "key-of-ver"),
            ("cookie", "tradai_session_backend=e30"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-user", "ada"),
        ] {
            let request = Request::get("/api/v1/me").header(name, value);
            assert_eq!(
                ask(app, Who::Nobody, request, Body::empty()).await.status,
                401,
                "{service} {name} {value}"
            );
        }
        // Credentials do not belong into addresses, save tickets, once.
        let reply = ask(app, Who::Nobody, Request::get("/api/v1/me?api_key=key-of-ada"), Body::empty()).await;
        assert_eq!(reply.status, 401, "{service}");
    }
    // Pages are closed, too, and send people to sign in.
    let page = Request::get("/jobs").header("accept", "text/html");
    let reply = ask(&platform.backend, Who::Nobody, page, Body::empty()).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/login?next=%2Fjobs"));
}

#[tokio::test]
async fn owasp_api3_broken_object_property_level_authorization() {
    let platform = Platform::new().await;
    // Properties that the platform keeps are nobody's to set.
    for (name, value) in [
        ("job_id", json!("018bcfe5-6800-7000-8000-0000000000aa")),
        ("status", json!("completed")),
        ("trace_id", json!("0".repeat(32))),
        ("result_path", json!("file:///etc/passwd")),
        ("created_by", json!("ada")),
        ("role", json!("admin")),
        ("__proto__", json!({"role": "admin"})),
    ] {
        let mut body = backtest();
        body[name] = value;
        let reply = platform.post(Who::Trader, BACKTESTS, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "VAL002"), "{name}");
        assert_eq!(reply.json()["errors"][0]["pointer"], format!("/{name}"));
    }
    // And credentials are nobody's to leave in a job, where all could read them.
    for (name, value) in [("api_key", "k-1"), ("secret", "s-1"), ("exchange_api_secret", "s-2")] {
        let mut body = backtest();
        body["settings"] = json!({name: value});
        let reply = platform.post(Who::Trader, BACKTESTS, &body).await;
        assert!(
            reply.status == 422 && !reply.text.contains(value),
            "{name}: {} {}",
            reply.status,
            reply.text
        );
    }
    // What is shown of a job is what its document says, and nothing of the record beyond it.
    let job = platform.submit(Who::Trader).await;
    let document: Value = serde_json::from_str(&tradai_service::write_spec(&platform.backend.spec)).unwrap();
    let operation = &document["paths"]["/api/v1/backtests/{job_id}"]["get"]["responses"]["200"];
    let schema = operation["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
    let mut documented = Vec::new();
    properties(&document, schema, &mut documented);
    let shown = platform.get(Who::Viewer, &job).await.json();
    for name in shown.as_object().unwrap().keys() {
        assert!(documented.contains(name), "{name} is shown and not documented: {documented:?}");
    }
    let me = platform.get(Who::Viewer, "/api/v1/me").await.text;
    assert!(!me.contains("key-of") && !me.contains(&*blake3::hash(b"key-of-vera").to_hex()), "{me}");
}

/// Collects the names of a schema's properties, also of the schemas that it is put together from.
fn properties(document: &Value, reference: &str, names: &mut Vec<String>) {
    let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
    let parts = schema["allOf"].as_array().cloned().unwrap_or_default();
    for part in parts.iter().chain([schema]) {
        if let Some(reference) = part["$ref"].as_str() {
            properties(document, reference, names);
        }
        names.extend(part["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()));
    }
}

#[tokio::test]
async fn owasp_api4_unrestricted_resource_consumption() {
    let platform = Platform::with(&[("BACKEND_MAX_SOCKETS", "1")]).await;
    // Size, everywhere.
    for (service, app) in platform.services() {
        let huge = format!("{{\"x\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
        for operation in operations(app).into_iter().filter(|operation| operation.method == "POST") {
            let target = operation.path.replace("{job_id}", "018bcfe5-6800-7000-8000-0000000000aa");
            let target = target.replace(['{', '}'], "");
            let request = Request::post(target).header("content-type", "application/json");
            let reply = ask(app, Who::Admin, request, Body::from(huge.clone())).await;
            assert!(
                reply.status == 413 || (400..500).contains(&reply.status) || reply.text.len() < 4_096,
                "{service} {}: {}",
                operation.name(),
                reply.status
            );
        }
        for limit in ["0", "501", "-1", "1000000000000000000000"] {
            let list = if service == "backend" { BACKTESTS } else { "/api/v1/strategies" };
            if service != "data-collection" {
                let reply =
                    ask(app, Who::Viewer, Request::get(format!("{list}?limit={limit}")), Body::empty()).await;
                assert_eq!(reply.code(), "VAL002", "{service} {limit}");
            }
        }
    }
    let deep = format!(
        "{{\"strategy\": \"EmaCross\", \"settings\": {}1{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let request = Request::post(BACKTESTS).header("content-type", "application/json");
    let reply = ask(&platform.backend, Who::Trader, request, Body::from(deep)).await;
    assert!((400..500).contains(&reply.status), "{}", reply.status);
    let mut many = backtest();
    many["symbols"] = (0..100_000).map(|at| Value::from(format!("C{at}/USDT"))).collect();
    assert!((400..500).contains(&platform.post(Who::Trader, BACKTESTS, &many).await.status));
    // How often: over real sockets, as only they have an address.
    let limited =
        Platform::with(&[("BACKEND_RATE_LIMIT_PER_SECOND", "1"), ("BACKEND_RATE_LIMIT_BURST", "3")]).await;
    let shutdown = Shutdown::manual();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v1/me", listener.local_addr().unwrap());
    let serving = tokio::spawn(serve(listener, limited.backend.clone(), shutdown.clone()));
    let client = client();
    let mut refused = 0;
    for _ in 0..10 {
        // A wrong key: guessing is what this slows down.
        let reply = client.get(&url).bearer_auth("guess").send().await.unwrap();
        match reply.status().as_u16() {
            429 => {
                assert!(reply.headers().contains_key("retry-after"));
                refused += 1;
            }
            status => assert_eq!(status, 401),
        }
    }
    assert!(refused >= 5, "{refused} of 10");
    shutdown.stop();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn owasp_api5_broken_function_level_authorization() {
    let platform = Platform::new().await;
    let mut tried = 0;
    for (service, app) in platform.services() {
        for operation in operations(app).into_iter().filter(|operation| operation.changes()) {
            let name = operation.name();
            let reply = operation.ask(app, Who::Viewer).await;
            if OPEN.contains(&name.as_str()) || READS.contains(&name.as_str()) {
                assert_ne!(reply.status, 403, "{service} {name}");
                continue;
            }
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (403, "AUTH002"),
                "{service} {name}: {}",
                reply.text
            );
            tried += 1;
        }
    }
    assert!(tried >= 15, "only {tried} operations change something");
    // What only an admin may.
    let job = platform.submit(Who::Trader).await;
    let delete = async |who| ask(&platform.backend, who, Request::delete(&job), Body::empty()).await;
    assert_eq!(delete(Who::Trader).await.code(), "AUTH002");
    assert_ne!(delete(Who::Admin).await.status, 403);
    // The dashboard's forms are no way around.
    let id = job.rsplit('/').next().unwrap();
    for path in ["/backtests/new".to_owned(), format!("/jobs/{id}/cancel"), format!("/jobs/{id}/delete")] {
        let request = Request::post(&path).header("content-type", "application/x-www-form-urlencoded");
        let form = "strategy=EmaCross&symbols=BTC%2FUSDT&timerange=20240101-20240201";
        let reply = ask(&platform.backend, Who::Viewer, request, Body::from(form)).await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.text);
    }
    // Nor are other methods.
    for method in ["HEAD", "OPTIONS", "TRACE", "PROPFIND", "GET"] {
        let request = Request::builder().method(method).uri(format!("{job}/cancel"));
        let request = request.header("x-http-method-override", "POST");
        assert_eq!(ask(&platform.backend, Who::Viewer, request, Body::empty()).await.status, 405, "{method}");
    }
}

#[tokio::test]
async fn owasp_api6_unrestricted_access_to_sensitive_business_flows() {
    let platform = Platform::with(&[("BACKEND_PARALLEL_JOBS", "2")]).await;
    // However many backtests one caller asks for, no more run at once than may; the others wait, and none is lost.
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(platform.submit(Who::Trader).await);
    }
    until(|| async { platform.tasks.started().len() == 2 }).await;
    let listed = platform.get(Who::Viewer, &format!("{BACKTESTS}?limit=100")).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), jobs.len());
    assert_eq!(platform.tasks.started().len(), 2);
    // Everything that was set off is somebody's.
    let audit = audited(&platform).await;
    assert_eq!(audit.iter().filter(|line| line.as_str() == "tom job.submit").count(), jobs.len());
}

/// Who did what, from the state that all processes share.
async fn audited(platform: &Platform) -> Vec<String> {
    use tradai_platform::settings::sections::StateSettings;
    use tradai_platform::wiring::Wiring;
    let wiring = Wiring::open(&StateSettings::new(platform.folder.path().to_owned()), []).unwrap();
    let entries = wiring.audit.list(None, 100).await.unwrap();
    entries.into_iter().map(|(_, entry)| format!("{} {}", entry.actor, entry.action)).collect()
}

/// A server that counts whoever comes.
async fn bait() -> (String, Arc<AtomicUsize>) {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = hits.clone();
    let router = Router::new().fallback(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::ready(StatusCode::OK)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
    (url, hits)
}

#[tokio::test]
async fn owasp_api7_server_side_request_forgery() {
    use base64::Engine;
    let (url, hits) = bait().await;
    let keys = [
        ("AUTH_JWKS_FILE", "/nonexistent/jwks.json"),
        ("AUTH_JWT_ISSUER", "https://idp.example"),
        ("AUTH_JWT_AUDIENCE", "tradai"),
    ];
    let platform = Platform::with(&keys).await;
    // No value of a request is an address that is asked.
    for name in ["exchange", "strategy", "strategy_version", "config_id", "timeframe", "start"] {
        let mut body = backtest();
        body[name] = json!(url);
        let reply = platform.post(Who::Admin, BACKTESTS, &body).await;
        assert!(reply.status == 422 || name == "strategy_version", "{name}: {} {}", reply.status, reply.text);
    }
    let mut body = backtest();
    body["settings"] = json!({"mlflow_tracking_uri": url, "data_dir": url, "webhook": {"url": url}});
    platform.post(Who::Admin, BACKTESTS, &body).await;
    for (service, app) in platform.services() {
        for operation in operations(app).into_iter().filter(|operation| !operation.is_socket()) {
            let mut target = operation.path.clone();
            while let (Some(from), Some(to)) = (target.find('{'), target.find('}')) {
                target.replace_range(from..=to, &url.replace("://", "%3A%2F%2F"));
            }
            let request = Request::builder()
                .method(operation.method.as_str())
                .uri(format!("{target}?exchange={url}&symbol={url}&source={url}&next={url}"))
                .header("content-type", "application/json")
                .header("referer", &url)
                .header("x-forwarded-host", url.trim_start_matches("http://"));
            let reply =
                ask(app, Who::Admin, request, Body::from(json!({"url": url, "path": url}).to_string())).await;
            assert!(
                reply.status < 500 || reply.status == 503,
                "{service} {}: {}",
                operation.name(),
                reply.text
            );
            let location = reply.header("location");
            assert!(!location.starts_with("http"), "{service} {} leads to {location}", operation.name());
        }
    }
    // A token does not say where its key is.
    let encoded = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "kid": url, "jku": url, "x5u": url, "jwk": {"kty": "RSA"}});
    let token = format!("{}.{}.AAAA", encoded(header), encoded(json!({"iss": url, "sub": "ada"})));
    let request = Request::get("/api/v1/me").header("authorization", format!("Bearer {token}"));
    assert!(matches!(ask(&platform.backend, Who::Nobody, request, Body::empty()).await.status, 401 | 503));
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn owasp_api8_security_misconfiguration() {
    let platform = Platform::new().await;
    for (service, app) in platform.services() {
        for path in ["/api/v1/me", "/api/v1/health", "/openapi.json", "/nowhere", "/docs/"] {
            let request = Request::get(path).header("origin", "https://evil.example");
            let reply = ask(app, Who::Viewer, request, Body::empty()).await;
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{service} {path}");
            assert_eq!(reply.header("access-control-allow-origin"), "", "{service} {path}");
            for telling in ["server", "x-powered-by"] {
                assert_eq!(reply.header(telling), "", "{service} {path}");
            }
        }
        let private = ask(app, Who::Viewer, Request::get("/api/v1/me"), Body::empty()).await;
        assert_eq!(private.header("cache-control"), "no-store", "{service}");
        // What a fault says is the same for all, and nothing of the machine.
        let broken = Request::post("/api/v1/auth/session").header("content-type", "application/json");
        let reply = ask(app, Who::Nobody, broken, Body::from("{")).await;
        for inner in ["src/", "panicked", "tokio", "serde", platform.folder.path().to_str().unwrap()] {
            assert!(!reply.text.contains(inner), "{service}: {}", reply.text);
        }
        // Neither the kit's pages nor ours may be framed or load from elsewhere.
        let page = ask(app, Who::Viewer, Request::get("/docs/"), Body::empty()).await;
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{service}");
    }
    for path in ["/jobs", "/login"] {
        let page = platform.get(Who::Viewer, path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("http"), "{path}: {policy}");
    }
    // A change that another site's page asks for is refused, whoever's browser it is.
    let request = Request::post(BACKTESTS)
        .header("content-type", "application/json")
        .header("origin", "https://evil.example");
    let reply = ask(&platform.backend, Who::Admin, request, Body::from(backtest().to_string())).await;
    assert_eq!(reply.code(), "AUTH002");
    // Nobody is served from outside before anybody is asked who they are.
    for prefix in ["BACKEND", "DATA_COLLECTION", "STRATEGY_SERVICE"] {
        let open = platform.inputs.clone().variable(&format!("{prefix}_API_KEYS"), "");
        let open = open.variable(&format!("{prefix}_HOST"), "0.0.0.0");
        let refused = match prefix {
            "BACKEND" => load::<tradai_backend::Settings>(&open).map(drop),
            "DATA_COLLECTION" => load::<tradai_data_collection::Settings>(&open).map(drop),
            _ => load::<tradai_strategy_service::Settings>(&open).map(drop),
        };
        assert!(refused.unwrap_err().to_string().contains("reachable from outside"), "{prefix}");
    }
    let open = Platform::with(&[("BACKEND_API_KEYS", "")]).await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, open.backend, Shutdown::manual()).await;
    assert!(matches!(refused, Err(ServeError::OpenToOutside(_))));
}

#[tokio::test]
async fn owasp_api9_improper_inventory_management() {
    let platform = Platform::new().await;
    for (service, app) in platform.services() {
        // What is documented is there, and says its version.
        for operation in operations(app) {
            let reply = operation.ask(app, Who::Nobody).await;
            assert!(!matches!(reply.status, 404 | 405), "{service} {}: {}", operation.name(), reply.status);
        }
        let version = ask(app, Who::Nobody, Request::get("/api/v1/version"), Body::empty()).await.json();
        assert_eq!(version["service"], service);
        // What is not documented is not there: neither tools nor files nor other versions.
        for path in [
            "/debug",
            "/admin",
            "/actuator/env",
            "/.env",
            "/.git/config",
            "/api/v0/backtests",
            "/api/v2/backtests",
            "/api/backtests",
            "/server-status",
            "/graphql",
            "/api/v1/internal",
            "/static/../Cargo.toml",
            "/console",
        ] {
            let reply = ask(app, Who::Admin, Request::get(path), Body::empty()).await;
            assert_eq!(reply.code(), "RES003", "{service} {path}");
        }
    }
    // An older name says that it is one, and what took its place.
    let reply = platform.post(Who::Trader, "/api/v1/backtest", &backtest()).await;
    assert!(reply.status == 202 && reply.header("deprecation").starts_with('@'), "{}", reply.text);
    assert!(reply.header("sunset").ends_with("GMT") && reply.header("link").contains("successor-version"));
    let moved = platform.post(Who::Trader, "/backtests", &backtest()).await;
    assert_eq!((moved.status, moved.header("location")), (308, BACKTESTS));
}

/// What an upstream that was taken over answers.
async fn hostile_upstream() -> (String, String, Arc<AtomicUsize>) {
    let (bait, hits) = bait().await;
    let elsewhere = bait.clone();
    let router = Router::new().fallback(move |request: Request<Body>| {
        let answer = hostile_answer(request.uri().path(), &elsewhere);
        std::future::ready(answer)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { tradai_service::axum::serve(listener, router).await });
    (url, bait, hits)
}

fn hostile_answer(path: &str, elsewhere: &str) -> Response {
    let html = [(header::CONTENT_TYPE, "text/html")];
    match path.rsplit('/').next().unwrap_or_default() {
        "Moved" => Redirect::temporary(elsewhere).into_response(),
        "Huge" => "x".repeat(64 * 1024 * 1024).into_response(),
        "Garbage" => (html, "<script>alert('stolen')</script>").into_response(),
        "Deep" => "[".repeat(1_000_000).into_response(),
        "Failing" => (StatusCode::INTERNAL_SERVER_ERROR, "Traceback: password=hunter2").into_response(),
        "strategies" => {
            let item = json!({"name": "<img src=x onerror=alert('stolen')>", "category": "<script>", "version": "1"});
            tradai_service::Json(json!({"items": [item], "next_cursor": null})).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn owasp_api10_unsafe_consumption_of_apis() {
    let (url, _, hits) = hostile_upstream().await;
    let variables =
        [("BACKEND_STRATEGY_SERVICE_URL", url.as_str()), ("BACKEND_DATA_COLLECTION_URL", url.as_str())];
    let platform = Platform::with(&variables).await;
    for name in ["Moved", "Huge", "Garbage", "Deep", "Failing"] {
        let reply = platform.get(Who::Viewer, &format!("/api/v1/strategies/{name}")).await;
        assert!(matches!(reply.status, 502..=504), "{name}: {} {}", reply.status, reply.text);
        for inner in ["hunter2", "Traceback", "<script", url.as_str()] {
            assert!(!reply.text.contains(inner), "{name} tells {inner}: {}", reply.text);
        }
        // Pages show it as text, or not at all.
        let page = platform.get(Who::Viewer, &format!("/strategies/{name}")).await;
        assert!(!page.text.contains("stolen')</script>") && !page.text.contains("hunter2"), "{name}");
    }
    for path in ["/strategies", "/backtests/new"] {
        let page = platform.get(Who::Trader, path).await;
        assert!(!page.text.contains("<img src=x"), "{path}: what others call a strategy is text");
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0, "redirects are not followed");
    // A job whose candles come from there ends failed, with a reason and nothing of the answer.
    let mut body = backtest();
    body["strategy"] = json!("Failing");
    body["exchange"] = json!("binance_futures");
    let reply = platform.post(Who::Trader, BACKTESTS, &body).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let job = reply.header("location").to_owned();
    until(|| async { platform.get(Who::Viewer, &job).await.json()["status"] == JobStatus::Failed.as_str() })
        .await;
    let failed = platform.get(Who::Viewer, &job).await;
    assert!(!failed.text.contains("hunter2") && !failed.text.contains("Traceback"), "{}", failed.text);
    assert!(platform.tasks.started().is_empty(), "it was not run on what came");
}

fn client() -> reqwest::Client {
    tradai_http_client::builder().unwrap().build().unwrap()
}
