//! What came of a backtest that really ran: figures, tables, report, logs, and the same bytes again.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tower::ServiceExt;
use tradai_backend::{JobLogs, Parts, build};
use tradai_control_plane::jobs::executors::{ExecutorFactory, ExecutorSettings};
use tradai_domain::JobId;
use tradai_domain::jobs::LocalExecutionMode;
use tradai_domain::ports::PortError;
use tradai_platform::settings::sections::StateSettings;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_testkit::MemoryTasks;
use tradai_trading::local::{LocalHost, LocalTasks};

use crate::support::{BACKTESTS, Reply, World, add_candles, settings, until};

/// Logs of every job.
struct Lines;

#[async_trait::async_trait]
impl JobLogs for Lines {
    async fn tail(&self, _id: JobId, bytes: usize) -> Result<Option<Vec<u8>>, PortError> {
        let text = "first line\nlast line \u{fffd}\n";
        Ok(Some(text.as_bytes()[text.len().saturating_sub(bytes)..].to_vec()))
    }
}

/// A backend that runs jobs itself, on made-up candles of 30 days.
fn running() -> World {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap().to_owned();
    add_candles(folder.path(), 30);
    let world = World::on(folder, MemoryTasks::default(), &[]).without_executor();
    let settings = settings(&[("BACKEND_DATA_DIR", &data_dir)]);
    let state = StateSettings::new(data_dir.into());
    let host = LocalHost {
        program: "nothing-is-started".into(),
        state: &state,
        strategies: None,
        log: &settings.log,
        environment: &std::collections::BTreeMap::new(),
    };
    let way = ExecutorSettings { local_mode: LocalExecutionMode::InProcess, ..ExecutorSettings::default() };
    let ports = LocalTasks::new(&host, &world.wiring).executor_ports();
    let executor = Some(ExecutorFactory::create(&way, &ports).unwrap());
    let parts = Parts {
        wiring: world.wiring.clone(),
        executor,
        sweep_tasks: None,
        logs: Some(Arc::new(Lines)),
        check: None,
    };
    let app = build(&settings, parts, &world.shutdown);
    World { app, ..world }
}

async fn completed(world: &World) -> String {
    let body = json!({"strategy": "EmaCross", "symbols": ["BTC/USDT"], "timerange": "20240105-20240129"});
    let reply = world.post(BACKTESTS, &body).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let this = format!("{BACKTESTS}/{}", reply.json()["job_id"].as_str().unwrap());
    let shown = world.get(&format!("{this}?wait=29")).await.json();
    assert_eq!(shown["status"], "completed", "{shown}");
    this
}

async fn accepting(world: &World, path: &str, kind: &str) -> Reply {
    world.send(Request::get(path).header("accept", kind).body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_that_ran_hands_out_everything() {
    let world = running();
    let this = completed(&world).await;
    let get = async |what: &str| world.get(&format!("{this}/{what}")).await;

    let metrics = get("metrics").await.json();
    let count = metrics["statistics"]["total_trades"].as_u64().unwrap();
    assert!(count > 3 && metrics["strategy"] == "EmaCross" && metrics["synthetic"] == true, "{metrics}");

    // Trades: page by page as JSON, whole as files.
    let (mut trades, mut target) = (Vec::new(), format!("{this}/trades?limit=2"));
    loop {
        let page = world.get(&target).await.json();
        trades.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        target = format!("{this}/trades?limit=2&cursor={cursor}");
    }
    assert_eq!(trades.len() as u64, count);
    assert!(trades[0]["open_date"].as_str().unwrap().starts_with("2024-01-"), "{}", trades[0]);
    let csv = accepting(&world, &format!("{this}/trades"), "text/csv, application/json").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.text.lines().count() as u64, count + 1);
    assert!(csv.text.starts_with("trade_id,pair,is_short,open_date,"), "{}", csv.text);
    let parquet = accepting(&world, &format!("{this}/trades"), "application/vnd.apache.parquet").await;
    assert!(parquet.text.starts_with("PAR1") && parquet.header("content-disposition").contains(".parquet"));

    // Equity: the sum of profits is where the curve ends.
    let equity = get("equity?points=50").await.json();
    let points = equity["points"].as_array().unwrap();
    assert!(points.len() <= 50 && equity["columns"] == json!(["timestamp", "equity"]), "{equity}");
    let profit: f64 = trades.iter().map(|trade| trade["profit_abs"].as_f64().unwrap()).sum();
    let first = metrics["statistics"]["starting_balance"].as_f64().unwrap_or(1_000.0);
    let last = points.last().unwrap()[1].as_f64().unwrap();
    assert!((first + profit - last).abs() < 1e-6, "{first} + {profit} is {last}");
    assert!(get("equity?format=csv").await.text.starts_with("time,equity\n"));

    let manifest = get("manifest").await.json();
    assert_eq!(manifest["files"].as_object().unwrap().len(), 4);
    let data = get("report-data").await.json();
    assert_eq!(data["strategy"], "EmaCross");
    let report = get("report.html").await;
    let policy = report.header("content-security-policy").to_owned();
    assert!(policy.contains("sandbox allow-scripts") && !policy.contains("same-origin"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert!(report.text.contains(&format!("<script nonce=\"{nonce}\">")), "{policy}");

    assert_eq!(get("logs").await.text.lines().last(), Some("last line \u{fffd}"));
    // Cut in the middle of a character.
    assert_eq!(get("logs?bytes=2").await.text, "\u{fffd}\n");
    for (what, pointer) in
        [("trades?format=xml", "/format"), ("equity?points=3", "/points"), ("logs?bytes=0", "/bytes")]
    {
        let (status, _, text) = get(what).await.problem();
        assert!(status == 422 && text.starts_with(pointer), "{what}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_compared_and_run_again_to_the_same_bytes() {
    let world = running();
    let (one, other) = (completed(&world).await, completed(&world).await);
    let id = |this: &str| this.rsplit('/').next().unwrap().to_owned();
    let compare = format!("{BACKTESTS}/compare");
    let both = world.post(&compare, &json!({"job_ids": [id(&one), id(&other)]})).await.json();
    assert_eq!(both["jobs"][1]["job_id"], id(&other));
    let profits = both["figures"]["profit_total_abs"].as_array().unwrap();
    assert!(profits.len() == 2 && profits[0] == profits[1] && profits[0].is_number(), "{both}");
    for ids in [json!([id(&one)]), json!([id(&one), id(&one)]), json!([id(&one), "x"])] {
        assert_eq!(world.post(&compare, &json!({"job_ids": ids})).await.problem().0, 422);
    }
    let unknown = json!({"job_ids": [id(&one), "018cc251-f400-7000-8000-000000000001"]});
    assert_eq!(world.post(&compare, &unknown).await.problem().0, 404);

    let verified = world.post(&format!("{one}/verify"), &json!({})).await.json();
    let (_, noted) = world.wiring.audit.list(None, 1).await.unwrap().remove(0);
    assert_eq!((noted.action.as_str(), noted.actor.as_str()), ("job.verify", "local"));
    assert!(one.ends_with(&noted.subject), "{one}: {}", noted.subject);
    let files: Vec<(&Value, &Value)> =
        verified["files"].as_array().unwrap().iter().map(|file| (&file[0], &file[1]["outcome"])).collect();
    assert_eq!(files.len(), 5);
    assert!(files.iter().all(|(_, outcome)| **outcome == "same") && verified["same"] == true, "{verified}");
    let changed = world.folder.path().join("jobs").join(id(&one)).join("result.json");
    std::fs::write(&changed, b"{}").unwrap();
    let verified = world.post(&format!("{one}/verify"), &json!({})).await.json();
    assert_eq!(verified["files"][0][1]["outcome"], "altered", "{verified}");
}

#[tokio::test]
async fn a_job_that_is_not_completed_has_no_result_and_a_damaged_one_says_so() {
    let world = World::new();
    let id = world.submit("Demo").await;
    for what in ["metrics", "trades", "equity", "manifest", "report.html", "report-data"] {
        let reply = world.get(&format!("{BACKTESTS}/{id}/{what}")).await;
        let (status, _, text) = reply.problem();
        assert!(status == 409 && text.contains("is pending"), "{what}: {text}");
        assert_eq!(reply.json()["job_id"], id.to_string());
        let unknown = format!("{BACKTESTS}/018cc251-f400-7000-8000-000000000001/{what}");
        assert_eq!(world.get(&unknown).await.problem().0, 404);
    }
    assert_eq!(world.post(&format!("{BACKTESTS}/{id}/verify"), &json!({})).await.problem().0, 409);
    assert_eq!(world.get(&format!("{BACKTESTS}/{id}/logs")).await.status, 204);
    world.started(id).await;
    world.report(id, tradai_domain::jobs::JobStatus::Completed).await;
    let folder = world.folder.path().join("jobs").join(id.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("trades.parquet"), b"PAR1 no table PAR1").unwrap();
    std::fs::write(folder.join("result.json"), b"{").unwrap();
    for what in ["metrics", "trades", "equity", "report-data"] {
        let (status, code, text) = world.get(&format!("{BACKTESTS}/{id}/{what}")).await.problem();
        assert_eq!((status, &*code), (500, "SYS005"), "{what}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_verified_on_the_candles_that_jobs_find() {
    let world = running();
    let this = completed(&world).await;
    let (stores, moved) = (world.folder.path().join("store"), world.folder.path().join("bucket"));
    std::fs::rename(&stores, &moved).unwrap();
    let data_dir = world.folder.path().to_str().unwrap();
    let bucket = format!("file://{}", moved.display());
    let settings = settings(&[("BACKEND_DATA_DIR", data_dir), ("ARCTIC_S3_BUCKET", &bucket)]);
    let parts =
        Parts { wiring: world.wiring.clone(), executor: None, sweep_tasks: None, logs: None, check: None };
    let world = World { app: build(&settings, parts, &world.shutdown), ..world };
    let verified = world.post(&format!("{this}/verify"), &json!({})).await.json();
    assert_eq!(verified["files"][0][1]["outcome"], "same", "{verified}");
    // Nothing is begun that the service would not end.
    world.shutdown.stop();
    until(|| async { world.post(&format!("{this}/verify"), &json!({})).await.status == 503 }).await;
}

/// What a job's manifest is read from: nothing, for as long as nobody writes into it.
struct Held {
    manifest: PathBuf,
    kept: PathBuf,
}

impl Held {
    fn take(world: &World, this: &str) -> Self {
        let id = this.rsplit('/').next().unwrap();
        let manifest = world.folder.path().join("jobs").join(id).join("manifest.json");
        let kept = manifest.with_extension("kept");
        std::fs::rename(&manifest, &kept).unwrap();
        nix::unistd::mkfifo(&manifest, nix::sys::stat::Mode::S_IRWXU).unwrap();
        Self { manifest, kept }
    }

    /// Lets whoever reads it go on, and later readers find the file.
    fn let_go(self) {
        let mut waiting = std::fs::OpenOptions::new().write(true).open(&self.manifest).unwrap();
        let text = std::fs::read(&self.kept).unwrap();
        std::fs::rename(&self.kept, &self.manifest).unwrap();
        waiting.write_all(&text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_takes_long_is_asked_for_later() {
    let world = running();
    let (one, other) = (completed(&world).await, completed(&world).await);
    let (verify, shown) = (format!("{one}/verify?wait=0"), format!("{one}/verification"));
    assert_eq!(world.get(&shown).await.problem().0, 404);
    let held = Held::take(&world, &one);
    let begun = world.post(&verify, &json!({})).await;
    assert_eq!((begun.status, begun.header("location")), (202, shown.as_str()), "{}", begun.text);
    let begun = begun.json();
    assert_eq!(
        (&begun["status"], &begun["same"], &begun["files"]),
        (&json!("running"), &Value::Null, &json!([]))
    );
    assert_eq!(
        world.post(&verify, &json!({})).await.json()["started_at"],
        begun["started_at"],
        "it is joined"
    );
    let refused = world.post(&format!("{other}/verify"), &json!({})).await;
    assert_eq!((refused.problem().0, refused.header("retry-after")), (503, "10"));
    let noted = world.wiring.audit.list(None, 10).await.unwrap();
    let noted = noted.iter().filter(|(_, entry)| entry.action == "job.verify").count();
    assert_eq!(noted, 1, "nothing was begun by who joined, nor by who was refused");
    held.let_go();
    let ended = until_verified(&world, &shown).await;
    assert_eq!((&ended["status"], &ended["same"]), (&json!("completed"), &json!(true)), "{ended}");
    assert_eq!(world.post(&format!("{one}/verify?wait=31"), &json!({})).await.problem().0, 422);

    let held = Held::take(&world, &one);
    assert_eq!(world.post(&verify, &json!({})).await.status, 202);
    let stopped = world.delete(&shown).await;
    assert_eq!((stopped.status, &stopped.json()["status"]), (202, &json!("running")), "it is ending");
    held.let_go();
    assert_eq!(until_verified(&world, &shown).await["status"], "cancelled");
    assert_eq!(world.delete(&shown).await.status, 200);
    std::fs::remove_file(
        world.folder.path().join("jobs").join(one.rsplit('/').next().unwrap()).join("manifest.json"),
    )
    .unwrap();
    let failed = world.post(&format!("{one}/verify"), &json!({})).await.json();
    assert_eq!(failed["status"], "failed", "{failed}");
    assert!(failed["error"].as_str().is_some_and(|error| !error.is_empty()), "{failed}");
}

async fn until_verified(world: &World, shown: &str) -> Value {
    until(|| async { world.get(shown).await.json()["ended_at"].is_string() }).await;
    world.get(shown).await.json()
}

/// Clients that take a reply and do not read it, each of the largest file.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_of_results_are_bounded_and_others_are_told_to_come_back() {
    let world = World::new();
    let id = world.submit("Demo").await;
    world.started(id).await;
    world.report(id, tradai_domain::jobs::JobStatus::Completed).await;
    let folder = world.folder.path().join("jobs").join(id.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("report.html"), vec![b' '; 128 * 1024 * 1024]).unwrap();
    let path = format!("{BACKTESTS}/{id}/report.html");
    let ask = || async {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        world.app.router.clone().oneshot(request).await.unwrap()
    };
    let mut unread = Vec::new();
    for _ in 0..4 {
        let reply = ask().await;
        assert_eq!(reply.status(), 200);
        unread.push(reply);
    }
    let refused = ask().await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()), (503, &b"5"[..]));
    unread.pop();
    assert_eq!(ask().await.status(), 200);
}
