//! From an empty list to a trade that is read, as a person goes.

use serde_json::Value;
use tradai_domain::Timeframe;
use tradai_domain::jobs::{JobChange, JobStatus, Progress};

use crate::browser::{Browser, Tab};
use crate::live::live;
use crate::views::drawn;
use crate::world::{Strategies, World};

/// Notes every place that a job's bar comes to, on the page that is not left meanwhile.
const WATCH: &str = "window.places = [];
    new MutationObserver(() => {
        const bar = document.querySelector('[data-progress] progress');
        if (bar && bar.value !== window.places.at(-1)) window.places.push(bar.value);
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['value'] });";

/// Fills the form in and sends it, without a mouse.
async fn submit_by_keyboard(tab: &Tab) {
    tab.tab_to("main a[href='/backtests/new']").await;
    tab.press("Enter").await;
    tab.until("location.pathname === '/backtests/new' && document.readyState === 'complete'").await;
    tab.tab_to("#strategy").await;
    for _ in 0..3 {
        tab.press("ArrowDown").await;
    }
    assert_eq!(
        tab.eval::<String>("document.activeElement.value").await,
        "EmaCross",
        "the third of those that ship"
    );
    tab.tab_to("#symbols").await;
    tab.write("BTC/USDT, ETH/USDT, SOL/USDT, ADA/USDT").await;
    tab.until("document.querySelectorAll('#coverage svg.cover').length === 4").await;
    assert_eq!(
        tab.eval::<String>("[...document.querySelectorAll('.faults')].map((one) => one.innerText).join('')")
            .await,
        ""
    );
    tab.tab_to("form.panel button.first").await;
    tab.press("Enter").await;
    tab.until("location.pathname.startsWith('/jobs/') && document.readyState === 'complete'").await;
}

/// What the list of trades says in its line of this number.
async fn trade_row(tab: &Tab, number: usize) -> Vec<String> {
    tab.eval(&format!("[...document.querySelectorAll('#trades-table tbody tr')[{number} - 1].cells].map((cell) => cell.innerText)")).await
}

/// What that line has to say, by the API's trade.
fn expected_row(trade: &Value) -> Vec<String> {
    let number = |name: &str| trade[name].as_f64().unwrap();
    let moment = |name: &str| trade[name].as_str().unwrap()[..16].replace('T', " ");
    let text = |name: &str| trade[name].as_str().unwrap().to_owned();
    vec![
        trade["trade_id"].to_string(),
        text("pair"),
        "long".to_owned(),
        moment("open_date"),
        moment("close_date"),
        format!("{:.2}", number("stake_amount")),
        format!("{:.2}", number("profit_abs")),
        format!("{:.2}%", number("profit_ratio") * 100.0),
        text("enter_tag"),
        text("exit_reason"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_form_to_a_trade() {
    let Some(browser) = Browser::start().await else { return };
    let strategies = Strategies::start().await;
    let world = World::start(&strategies.variables()).await;
    world.add_candles(&["BTC/USDT", "ETH/USDT", "SOL/USDT", "ADA/USDT"], Timeframe::M5, 365);
    let tab = browser.open(&world.url("/"), 1280, 900).await;
    tab.before_each_page(WATCH).await;
    tab.until("document.body?.innerText.includes('No jobs here')").await;
    submit_by_keyboard(&tab).await;

    // The bar moves, and the result comes, on the page that was opened first.
    tab.eval::<bool>("window.stayed = true").await;
    drawn(&tab).await;
    assert!(tab.eval::<bool>("window.stayed === true").await, "the page was loaded anew");
    let places: Vec<f64> = tab.eval("window.places").await;
    let between = places.iter().filter(|place| (0.0..1.0).contains(*place) && **place > 0.0).count();
    assert!(between >= 3 && places.is_sorted(), "{places:?}");
    assert_eq!(tab.count("progress").await, 0);
    assert!(tab.text("#synthetic").await.starts_with("SYNTHETIC candles."));
    assert_eq!(tab.count("#equity-chart .scatterlayer path.js-line").await, 3);
    assert!(tab.count("#price-chart .boxlayer path.box").await > 500);
    assert_eq!(tab.count("#trades-table tbody tr").await, 50);

    // A trade is read: chosen in the list, shown on the chart, the same as the API has it.
    tab.eval::<bool>("(document.querySelectorAll('#trades-table tbody button')[3].focus(), true)").await;
    tab.press("Enter").await;
    tab.until("document.querySelector('#price-note').textContent.startsWith('Trade 4 is shaded')").await;
    assert_eq!(tab.count("#price-chart .shapelayer path").await, 1);
    tab.picture("story-trade", false).await;
    let row = trade_row(&tab, 4).await;
    let trades: Value = tab.eval("fetch(location.pathname.replace('/jobs/', '/api/v1/backtests/') + '/trades?limit=4').then((reply) => reply.json())").await;
    let of_the_api = expected_row(&trades["items"][3]);
    let shown: Vec<&String> = row
        .iter()
        .enumerate()
        .filter(|(index, _)| ![5, 6, 7].contains(index))
        .map(|(_, cell)| cell)
        .collect();
    assert_eq!(shown, of_the_api.iter().collect::<Vec<_>>(), "{row:?}");

    // The report is a file of its own, and says the same.
    assert_eq!(tab.complaints(), [""; 0]);
    tab.eval::<bool>("(document.querySelector('a[href$=\"/report.html\"]').focus(), true)").await;
    tab.press("Enter").await;
    tab.until(
        "location.pathname.endsWith('/report.html') && document.documentElement.dataset.report === 'drawn'",
    )
    .await;
    assert_eq!(trade_row(&tab, 4).await, row);
    assert_eq!(tab.text("#fault").await, "");
    tab.picture("story-report", false).await;

    // The list knows its figures.
    tab.goto(&world.url("/jobs")).await;
    tab.until("document.querySelectorAll('#jobs tbody input[type=checkbox]').length === 1").await;
    assert!(tab.text("#jobs tbody").await.contains("completed"));
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
    tab.until("document.querySelectorAll('#jobs td .status.completed').length === 1").await;
    tab.until("document.querySelectorAll('#jobs input[type=checkbox]').length === 1").await;
    assert!(tab.eval::<bool>("window.stayed").await);
    tab.until("document.querySelector('#announce').textContent.endsWith('is completed')").await;
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}
