//! Pages of batches.

use std::collections::BTreeMap;

use serde_json::json;
use tradai_domain::JobId;
use tradai_domain::jobs::{BatchId, BatchRecord, BatchState, JobChange, JobFigures, JobStatus};
use tradai_domain::ports::{CreatedBatch, NewBatch};

use crate::browser::Browser;
use crate::pages::{get, post};
use crate::world::{HOSTILE, World};

/// Stores a batch of four jobs as another process would have left it, and returns its page and the jobs, which nobody
/// runs.
async fn add_batch(world: &World, name: &str) -> (String, Vec<JobId>) {
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(world.add_job("EmaCross", JobStatus::Running).await);
    }
    (add_batch_of(world, name, jobs.clone(), BatchState::Submitted, BTreeMap::new()).await, jobs)
}

async fn add_batch_of(
    world: &World,
    name: &str,
    jobs: Vec<JobId>,
    state: BatchState,
    refusals: BTreeMap<JobId, String>,
) -> String {
    let request = json!({
        "name": name,
        "backtest": {"strategy": "EmaCross", "symbols": ["BTC/USDT"]},
        "axes": {"timeframe": ["1h", "4h"], "parameters": {"fast": [5, 9]}},
    });
    let batch_id = BatchId(world.next_id().0);
    let record = BatchRecord {
        batch_id,
        name: Some(name.to_owned()),
        strategy_name: "EmaCross".parse().unwrap(),
        trace_id: jobs[0].into(),
        jobs,
        state,
        created_at: world.wiring.clock.now_ms(),
        created_by: "ann".to_owned(),
        via: None,
        ttl: None,
        cancellation: None,
        error: refusals.values().next().cloned(),
        refused: refusals,
    };
    let new = NewBatch { record, request, key: None, quota: None };
    assert_eq!(world.wiring.batches.create(&new).await.unwrap(), CreatedBatch::New);
    format!("/batches/{batch_id}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_listed_shown_ordered_and_cancelled() {
    let world = World::start(&[]).await;
    assert!(get(&world, "/batches").await.text.contains("No batches here"));
    let (path, _) = add_batch(&world, HOSTILE).await;
    let list = get(&world, "/batches").await.text;
    assert!(list.contains(&format!("href=\"{path}\"")) && !list.contains(HOSTILE), "{list}");
    let shown = get(&world, &path).await.text;
    assert!(shown.contains("timeframe 4h, fast 9") && !shown.contains(HOSTILE), "{shown}");
    assert!(shown.contains("Cancel the rest"), "{shown}");
    let sorted = get(&world, &format!("{path}?sort=-profit_total")).await.text;
    assert!(
        sorted.contains("aria-sort=\"descending\"") && sorted.contains("?sort=profit_total\""),
        "{sorted}"
    );
    assert_eq!(get(&world, &format!("{path}?sort=nonsense")).await.status, 200);
    let cancelled = post(&world, &format!("{path}/cancel"), &[], &world.url("")).await;
    assert!(cancelled.status == 303 || cancelled.status == 200, "{}", cancelled.status);
    let shown = get(&world, &path).await.text;
    assert!(
        shown.contains("4 <span class=\"status cancelled\">") && !shown.contains("Cancel the rest"),
        "{shown}"
    );
    assert_eq!(get(&world, "/batches/x").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_jobs_yet_can_be_cancelled_and_one_that_lacks_some_says_why() {
    let world = World::start(&[]).await;
    let four = || (0..4).map(|_| world.next_id()).collect::<Vec<_>>();
    let path = add_batch_of(&world, "new", four(), BatchState::Submitting, BTreeMap::new()).await;
    let shown = get(&world, &path).await.text;
    assert!(shown.contains("4 not there") && shown.contains("Cancel the rest"), "{shown}");
    let jobs = four();
    let refusals = BTreeMap::from([(jobs[1], HOSTILE.to_owned()), (jobs[2], "too many candles".to_owned())]);
    let path = add_batch_of(&world, "bad", jobs, BatchState::Submitted, refusals).await;
    let shown = get(&world, &path).await.text;
    assert!(shown.contains("Not all of its jobs were made") && !shown.contains(HOSTILE), "{shown}");
    assert!(shown.contains("2 <span class=\"status refused\">") && shown.contains("2 not there"), "{shown}");
    assert!(shown.contains("<div class=\"why\">too many candles</div>"), "{shown}");
    assert!(!shown.contains("Cancel the rest"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_fits_a_phone_and_moves_without_reload() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let (path, jobs) = add_batch(&world, &format!("EMA lengths {}", "W".repeat(60))).await;
    let figures = |profit: f64| {
        let result = json!({"stake_currency": "USDT", "statistics": {"total_trades": 42, "profit_total": profit,
            "max_drawdown_account": 0.12, "sharpe": 1.25}});
        Some(JobFigures::of_result(result.as_object().unwrap()))
    };
    let done = |profit| JobChange { figures: figures(profit), ..JobChange::status(JobStatus::Completed, 9) };
    world.report(jobs[0], done(0.05)).await;
    world.report(jobs[1], JobChange::failed("no candles of BTC/USDT ".repeat(20), 9)).await;
    let tab = browser.open(&world.url(&format!("{path}?sort=-profit_total")), 1280, 900).await;
    tab.until("document.body.innerText.includes('5.00%')").await;
    assert_eq!(tab.count("input[name=job]").await, 1, "only results can be compared");
    world.report(jobs[3], done(0.25)).await;
    // The event brings the table again, in its order.
    tab.until("document.querySelector('#batch tbody tr').innerText.includes('25.00%')").await;
    tab.picture("batch", true).await;
    for width in [820, 360] {
        tab.resize(width, 800).await;
        tab.until(&format!("innerWidth === {width}")).await;
        assert_eq!(tab.too_wide().await, [""; 0], "at {width}");
        tab.picture(&format!("batch-{width}"), true).await;
    }
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}
