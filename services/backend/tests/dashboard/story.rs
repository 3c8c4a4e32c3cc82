//! From an empty list to a trade that is read, as a person goes.

use tradai_domain::Timeframe;
use tradai_domain::jobs::{JobChange, JobStatus, Progress};

use crate::browser::Browser;
use crate::live::live;
use crate::peer::Peers;
use crate::views::drawn;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn from_the_form_to_a_trade() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    world.add_candles(&["BTC/USDT", "ETH/USDT"], Timeframe::M5, 240);
    let tab = browser.open(&world.url("/"), 1280, 900).await;
    tab.until("document.body?.innerText.includes('No jobs here')").await;
    tab.click("main a[href='/backtests/new']").await;
    tab.until("document.querySelector('#strategy') !== null && document.readyState === 'complete'").await;
    tab.eval::<bool>("(() => { document.querySelector('#strategy').value = 'EmaCross'; return true; })()")
        .await;
    tab.eval::<bool>("(() => { document.querySelector('#timeframe').value = '5m'; return true; })()").await;
    tab.click("#symbols").await;
    tab.write("BTC/USDT, ETH/USDT").await;
    tab.click("main form button.first").await;
    tab.until("location.pathname.startsWith('/jobs/') && document.readyState === 'complete'").await;
    tab.eval::<bool>("window.stayed = true").await;

    // The result comes on the page that was opened first.
    drawn(&tab).await;
    assert!(tab.eval::<bool>("window.stayed === true").await, "the page was loaded anew");
    assert_eq!(tab.count("progress").await, 0);
    assert!(tab.text("#synthetic").await.starts_with("SYNTHETIC candles."));
    assert_eq!(tab.count("#equity-chart .scatterlayer path.js-line").await, 3);
    assert!(tab.count("#price-chart .boxlayer path.box").await > 500);
    assert_eq!(tab.count("#trades-table tbody tr").await, 50);

    // A trade is read: chosen in the list, shown on the chart.
    tab.eval::<bool>(
        "(() => { document.querySelectorAll('#trades-table tbody button')[3].click(); return true; })()",
    )
    .await;
    tab.until("document.querySelector('#price-note').textContent.startsWith('Trade 4 is shaded')").await;
    assert_eq!(tab.count("#price-chart .shapelayer path").await, 1);
    tab.picture("story-trade", false).await;

    // The list knows its figures, and the report is a file of its own.
    tab.goto(&world.url("/jobs")).await;
    tab.until("document.querySelectorAll('#jobs tbody input[type=checkbox]').length === 1").await;
    assert!(tab.text("#jobs tbody").await.contains("completed"));
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bar_moves_as_the_job_reports_and_the_result_takes_its_place() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let id = world.add_job("EmaCross", JobStatus::Pending).await;
    let tab = browser.open(&world.url(&format!("/jobs/{id}")), 1280, 900).await;
    live(&tab).await;
    tab.eval::<bool>("window.stayed = true").await;
    world.report(id, JobChange::status(JobStatus::Running, 1)).await;
    tab.until("document.querySelector('#job .status.running') !== null").await;
    for percent in [10, 40, 70] {
        world.report(id, JobChange::progress(Progress::of(percent, 100), 2)).await;
        tab.until(&format!("document.querySelector('progress').value === {percent} / 100")).await;
        tab.until(&format!("document.querySelector('.far').textContent === '{percent}.0%'")).await;
    }
    assert_eq!(tab.text("#announce").await, format!("EmaCross {}: 50 percent done", &id.to_string()[30..]));
    tab.picture("running", false).await;
    world.complete(id, None).await;
    drawn(&tab).await;
    assert_eq!(
        (tab.count("progress").await, tab.count("#equity-chart .scatterlayer path.js-line").await),
        (0, 3)
    );
    assert!(tab.eval::<bool>("window.stayed === true").await, "the page was loaded anew");
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_follows_jobs_without_being_loaded_anew() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    world.add_candles(&["BTC/USDT"], Timeframe::H1, 60);
    let tab = browser.open(&world.url("/jobs"), 1280, 900).await;
    live(&tab).await;
    tab.eval::<bool>("window.stayed = true").await;
    let settings = serde_json::json!({"strategy": "EmaCross", "symbols": ["BTC/USDT"], "timeframe": "1h"});
    let submit = format!(
        "fetch('/api/v1/backtests', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: JSON.stringify({settings}) }}).then((reply) => reply.status)"
    );
    assert_eq!(tab.eval::<u16>(&submit).await, 202);
    tab.until("document.querySelectorAll('#jobs .status.completed').length === 1").await;
    tab.until("document.querySelectorAll('#jobs input[type=checkbox]').length === 1").await;
    assert!(tab.eval::<bool>("window.stayed").await);
    tab.until("document.querySelector('#announce').textContent.endsWith('is completed')").await;
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}
