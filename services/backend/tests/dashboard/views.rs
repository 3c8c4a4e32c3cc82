//! What pages look like and how they are used: phone, keyboard, colours, nothing from elsewhere.

use tradai_domain::Timeframe;
use tradai_domain::jobs::{JobChange, JobStatus};

use crate::browser::{Browser, Tab};
use crate::peer::Peers;
use crate::world::{HOSTILE, Strategies, World};

const PAGES: [(&str, &str); 6] = [
    ("jobs", "/jobs"),
    ("submit", "/backtests/new?strategy=EmaCross&symbols=BTC/USDT+nonsense&exchange=sandbox&timeframe=1h"),
    ("data", "/data"),
    ("health", "/health"),
    ("strategies", "/strategies"),
    ("strategy", "/strategies/EmaCross"),
];

/// Waits until a result is drawn.
pub(crate) async fn drawn(tab: &Tab) {
    tab.until("document.documentElement.dataset.report === 'drawn'").await;
}

/// No page complains, and none asks for anything but the backend.
#[track_caller]
fn assert_clean(tab: &Tab, world: &World) {
    assert_eq!(tab.complaints(), [""; 0]);
    let own = world.url("/");
    let foreign: Vec<String> = tab
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with(&own) && !url.starts_with("blob:") && !url.starts_with("data:"))
        .collect();
    assert_eq!(foreign, [""; 0], "asked for elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_and_a_desk_in_light_and_dark() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let done = world.add_result("EmaCross").await;
    let other = world.add_result("EmaCross").await;
    for status in [JobStatus::Failed, JobStatus::Cancelled, JobStatus::Running] {
        world.add_job("RsiMeanReversion", status).await;
    }
    let mut pages: Vec<(String, String)> =
        PAGES.map(|(name, path)| (name.to_owned(), path.to_owned())).to_vec();
    pages.push(("result".to_owned(), format!("/jobs/{done}")));
    pages.push(("compare".to_owned(), format!("/compare?job={done}&job={other}")));
    for (name, path) in pages {
        let tab = browser.open(&world.url(&path), 1280, 900).await;
        tab.until("document.readyState === 'complete'").await;
        if tab.count("[data-scripts]").await > 0 {
            drawn(&tab).await;
        }
        let is_cut = "[...document.querySelectorAll('#jobs .scroll')].some((list) => list.scrollWidth > list.clientWidth)";
        assert!(!tab.eval::<bool>(is_cut).await, "the list of jobs is cut at a desk");
        assert_eq!(tab.unreadable().await, [""; 0], "{name}");
        tab.picture(&format!("{name}-light"), true).await;
        tab.prefer("dark").await;
        tab.until("matchMedia('(prefers-color-scheme: dark)').matches").await;
        let ground: String = tab.eval("getComputedStyle(document.body).backgroundColor").await;
        assert_eq!(ground, "rgb(20, 24, 28)", "{name} in the dark");
        tab.picture(&format!("{name}-dark"), true).await;
        tab.prefer("light").await;
        tab.resize(820, 1180).await;
        tab.until("innerWidth === 820").await;
        assert_eq!(tab.too_wide().await, [""; 0], "{name} on a tablet");
        tab.picture(&format!("{name}-tablet"), true).await;
        tab.resize(360, 740).await;
        tab.until("innerWidth === 360").await;
        assert_eq!(tab.too_wide().await, [""; 0], "{name} on a phone");
        tab.picture(&format!("{name}-phone"), true).await;
        assert_clean(&tab, &world);
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_names_and_errors_stay_within_the_page() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let name = "W".repeat(64);
    let job = world.add_job(&name, JobStatus::Running).await;
    world.report(job, JobChange::failed("W".repeat(3_000), 3)).await;
    world.write_log(job, &"W".repeat(3_000));
    for path in ["/jobs".to_owned(), format!("/jobs/{job}"), format!("/backtests/new?strategy={name}")] {
        let tab = browser.open(&world.url(&path), 1280, 900).await;
        for width in [1280, 820, 360] {
            tab.resize(width, 800).await;
            tab.until(&format!("document.readyState === 'complete' && innerWidth === {width}")).await;
            assert_eq!(tab.too_wide().await, [""; 0], "{path} at {width}");
            assert!(tab.text("main").await.contains('W'), "{path}");
            tab.picture(
                &format!(
                    "long-{}-{width}",
                    path.trim_start_matches('/')
                        .replace(['/', '?', '='], "-")
                        .chars()
                        .take(12)
                        .collect::<String>()
                ),
                false,
            )
            .await;
        }
        let tall: f64 = tab
            .eval("Math.max(0, ...[...document.querySelectorAll('#jobs tr')].map((row) => row.offsetHeight))")
            .await;
        assert!(tall < 200.0, "one job fills the list: {tall}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_printed_whole_and_without_what_is_to_be_pressed() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let job = world.add_result("EmaCross").await;
    let tab = browser.open(&world.url(&format!("/jobs/{job}")), 1280, 900).await;
    drawn(&tab).await;
    let widest = "Math.max(...[...document.querySelectorAll('.main-svg')].map((one) => one.getBoundingClientRect().width))";
    assert!(tab.eval::<f64>(widest).await > 1_000.0);
    tab.print().await;
    tab.resize(700, 1000).await;
    tab.until(&format!("innerWidth === 700 && {widest} <= 700")).await;
    let pressed = "[...document.querySelectorAll('nav, form button, .controls, .button')].filter((one) => one.offsetParent).length";
    assert_eq!(tab.eval::<usize>(pressed).await, 0);
    let cut = "[...document.querySelectorAll('.scroll')].filter((one) => getComputedStyle(one).overflowX !== 'visible').length";
    assert_eq!(tab.eval::<usize>(cut).await, 0);
    assert_eq!(tab.complaints(), [""; 0]);
    tab.picture("result-print", true).await;
    browser.close().await;
}

/// Headings of a table that show without scrolling sideways.
async fn shown_headings(tab: &Tab, table: &str) -> Vec<String> {
    tab.eval(&format!(
        "[...document.querySelectorAll('{table} thead th')].filter((one) => one.getBoundingClientRect().width > 0 && one.getBoundingClientRect().right <= innerWidth).map((one) => one.innerText)"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_shows_on_a_phone_without_scrolling() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    world.add_candles(&["BTC/USDT"], Timeframe::H1, 60);
    let (one, other) = (world.add_result("EmaCross").await, world.add_result("EmaCross").await);
    let tab = browser.open(&world.url("/jobs"), 390, 800).await;
    let shown = shown_headings(&tab, "#jobs table").await;
    assert!(shown.contains(&"Profit".to_owned()) && shown.contains(&"Drawdown".to_owned()), "{shown:?}");
    assert!(tab.text("#jobs tbody tr").await.contains("completed"), "the status is said all the same");
    tab.goto(&world.url("/data")).await;
    let shown = shown_headings(&tab, "main table").await;
    assert!(shown.contains(&"Coverage".to_owned()), "{shown:?}");
    tab.goto(&world.url(&format!("/compare?job={one}&job={other}"))).await;
    let shown = shown_headings(&tab, "#figures-title ~ .scroll table").await;
    assert!(shown.iter().any(|heading| heading.starts_with("EmaCross")), "{shown:?}");
    for width in [390, 820] {
        tab.resize(width, 800).await;
        tab.until(&format!("innerWidth === {width}")).await;
        let cut: Vec<String> = tab
            .eval("[...document.querySelectorAll('.compared th')].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.innerText)")
            .await;
        assert_eq!(cut, [""; 0], "at {width}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_stay_texts() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::hostile().await;
    let world = World::start(&peers.variables()).await;
    let failed = world.add_job("EmaCross", JobStatus::Failed).await;
    let query = tradai_query(&[
        ("strategy", HOSTILE),
        ("symbols", HOSTILE),
        ("start", HOSTILE),
        ("exchange", HOSTILE),
        ("settings", HOSTILE),
        ("status", HOSTILE),
        ("find", HOSTILE),
    ]);
    let paths = ["/jobs", "/backtests/new", "/data", "/strategies", "/health"];
    let mut paths: Vec<String> = paths.iter().map(|path| format!("{path}?{query}")).collect();
    paths.push(format!("/jobs/{failed}"));
    for path in paths {
        let tab = browser.open(&world.url(&path), 1280, 900).await;
        tab.until("document.readyState === 'complete'").await;
        assert_eq!(tab.count("img").await, 0, "{path}");
        let title: String = tab.eval("document.title").await;
        assert!(title.ends_with(" - TradAI"), "{path}: {title}");
        assert!(!tab.text("main").await.is_empty(), "{path}");
        assert_clean(&tab, &world);
    }
    let tab = browser.open(&world.url(&format!("/jobs/{failed}")), 1280, 900).await;
    assert!(tab.text("main").await.contains(HOSTILE), "the reason is there as it is");
    browser.close().await;
}

fn tradai_query(values: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_says_what_is_wrong_while_it_is_filled_in() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let tab = browser.open(&world.url("/backtests/new"), 1280, 900).await;
    tab.eval::<bool>("window.stayed = true").await;
    tab.click("#symbols").await;
    tab.write("BTC/USDT nonsense").await;
    tab.until("document.querySelector('#faults-symbols').textContent.startsWith('nonsense: ')").await;
    assert_eq!(
        tab.eval::<String>("document.querySelector('#symbols').getAttribute('aria-invalid')").await,
        "true"
    );
    assert!(tab.eval::<bool>("document.activeElement.id === 'symbols'").await, "the focus stays");
    assert_eq!(tab.eval::<String>("document.querySelector('#symbols').value").await, "BTC/USDT nonsense");
    // What is stored shows once the rest is known.
    tab.eval::<bool>(
        "(() => { const set = (id, value) => { const one = document.getElementById(id); one.value = value; one.dispatchEvent(new Event('change', { bubbles: true })); };
            set('strategy', 'EmaCross'); set('exchange', 'sandbox'); set('symbols', 'BTC/USDT'); return true; })()",
    )
    .await;
    tab.until("document.querySelectorAll('#coverage svg.cover').length === 1").await;
    tab.until("document.querySelector('#faults-symbols').textContent === ''").await;
    assert!(tab.eval::<bool>("window.stayed").await, "the page was not loaded anew");
    assert_clean(&tab, &world);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_parameters_are_judged_while_they_are_written() {
    let Some(browser) = Browser::start().await else { return };
    let strategies = Strategies::start().await;
    let world = World::start(&strategies.variables()).await;
    let tab = browser.open(&world.url("/backtests/new?strategy=EmaCross&symbols=BTC/USDT"), 1280, 900).await;
    for (field, written, said) in [
        ("settings", "{\"stoploss\": 5}", "stoploss: "),
        ("parameters", "{\"fast\": 100000}", "fast: "),
        ("parameters", "{\"nothing\": 1}", "nothing: "),
    ] {
        tab.click(&format!("#{field}")).await;
        let write = |text: &str| {
            format!(
                "(document.activeElement.value = '', document.execCommand('insertText', false, {text:?}))"
            )
        };
        assert!(tab.eval::<bool>(&write(written)).await);
        tab.until(&format!("document.querySelector('#faults-{field}').innerText.startsWith({said:?})")).await;
        let invalid = format!("document.querySelector('#{field}').getAttribute('aria-invalid')");
        assert_eq!(tab.eval::<String>(&invalid).await, "true", "{written}");
        tab.picture(&format!("judged-{field}"), false).await;
        assert!(tab.eval::<bool>(&write("{}")).await);
        tab.until(&format!("document.querySelector('#faults-{field}').innerText === ''")).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_is_enough_to_submit() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    world.add_candles(&["BTC/USDT"], Timeframe::H1, 60);
    let tab = browser.open(&world.url("/jobs"), 1280, 900).await;
    tab.press("Tab").await;
    assert_eq!(tab.text(":focus").await, "Skip to the content");
    let outline: String = tab.eval("getComputedStyle(document.activeElement).outlineStyle").await;
    assert_eq!(outline, "solid", "the focus is seen");
    tab.press("Enter").await;
    tab.tab_to("main a[href='/backtests/new']").await;
    tab.press("Enter").await;
    tab.until("location.pathname === '/backtests/new' && document.readyState === 'complete'").await;
    tab.tab_to("#strategy").await;
    tab.press("ArrowDown").await;
    tab.tab_to("#symbols").await;
    tab.write("BTC/USDT").await;
    tab.press("Tab").await;
    tab.press("ArrowDown").await;
    tab.eval::<bool>("(() => { document.getElementById('timeframe').value = '1h'; return true; })()").await;
    tab.tab_to("main form button").await;
    tab.press("Enter").await;
    tab.until("location.pathname.startsWith('/jobs/')").await;
    drawn(&tab).await;
    assert_clean(&tab, &world);
    browser.close().await;
}
