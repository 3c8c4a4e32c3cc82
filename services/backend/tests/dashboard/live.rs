//! Pages that move: what a person does on them stays, what is read out, and what is said when they move no more.

use serde_json::{Value, json};
use tradai_domain::jobs::{JobChange, JobStatus, Progress};

use crate::browser::{Browser, Tab};
use crate::peer::Peers;
use crate::world::World;

/// Waits until a page is told what happens.
pub(crate) async fn live(tab: &Tab) {
    tab.until("document.querySelector('[data-live=yes]') !== null").await;
}

/// Notes an element, to see later whether it is still the same one.
async fn note(tab: &Tab, selector: &str) {
    tab.eval::<bool>(&format!("(window.noted = document.querySelector({selector:?})) !== null")).await;
}

const SAME_FOCUS: &str = "window.noted.isConnected && document.activeElement === window.noted";

#[tokio::test(flavor = "multi_thread")]
async fn focus_and_scroll_stay_when_jobs_move() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let mine = world.add_job("EmaCross", JobStatus::Running).await;
    let other = world.add_job("RsiMeanReversion", JobStatus::Running).await;
    let tab = browser.open(&world.url("/jobs"), 390, 800).await;
    live(&tab).await;
    let cancel = format!("form[action='/jobs/{mine}/cancel'] button");
    for selector in [cancel.as_str(), &format!("a[href='/jobs/{mine}']")] {
        note(&tab, selector).await;
        tab.eval::<bool>("(() => { window.noted.focus(); return true; })()").await;
        tab.eval::<bool>(
            "(() => { document.querySelector('#jobs .scroll').scrollLeft = 120; return true; })()",
        )
        .await;
        // One job ends, and another one comes on top of the list.
        let added = world.add_job("Dca", JobStatus::Running).await;
        world.report(added, JobChange::failed("no candles", 3)).await;
        tab.until(&format!("document.querySelector('a[href=\"/jobs/{added}\"]')?.closest('tr').querySelector('.failed') != null")).await;
        assert!(tab.eval::<bool>(SAME_FOCUS).await, "the focus on {selector} is gone");
        assert_eq!(tab.eval::<f64>("document.querySelector('#jobs .scroll').scrollLeft").await, 120.0);
    }
    // What was pressed next would be another thing: the focus goes to something harmless beside it.
    tab.eval::<bool>(&format!("(() => {{ document.querySelector({cancel:?}).focus(); return true; }})()"))
        .await;
    world.report(mine, JobChange::failed("no candles", 3)).await;
    tab.until(&format!("document.querySelector('form[action=\"/jobs/{mine}/delete\"]') !== null")).await;
    let focused = format!("document.activeElement.getAttribute('href') === '/jobs/{mine}'");
    assert!(
        tab.eval::<bool>(&focused).await,
        "{}",
        tab.eval::<String>("document.activeElement.outerHTML").await
    );
    assert!(tab.text(&format!("a[href='/jobs/{other}']")).await.contains("RsiMeanReversion"));
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_log_stays_open_where_it_was_read() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let id = world.add_job("EmaCross", JobStatus::Pending).await;
    world.write_log(id, &"a line of the log\n".repeat(200));
    let tab = browser.open(&world.url(&format!("/jobs/{id}")), 1280, 900).await;
    live(&tab).await;
    tab.click("summary").await;
    tab.until("document.querySelector('pre.log').getBoundingClientRect().height > 0").await;
    tab.eval::<bool>("(() => { document.querySelector('pre.log').scrollTop = 700; return true; })()").await;
    world.write_log(id, &"a line of the log\n".repeat(201));
    world.report(id, JobChange::status(JobStatus::Running, 1)).await;
    tab.until("document.querySelector('#job .status.running') !== null").await;
    assert!(tab.eval::<bool>("document.querySelector('details').open").await, "the log was closed");
    assert_eq!(tab.eval::<f64>("document.querySelector('pre.log').scrollTop").await, 700.0);
    let lines = "document.querySelector('pre.log').textContent.trim().split('\\n').length";
    assert_eq!(tab.eval::<usize>(lines).await, 201, "what is new shows");
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}

/// Notes what is put into places that screen readers read out.
const LISTEN: &str = "(() => {
    window.heard = [];
    const places = 'output, [role=status], [role=alert], [role=log], [aria-live]:not([aria-live=off])';
    new MutationObserver((changes) => {
        for (const { target } of changes) {
            const place = (target.nodeType === 1 ? target : target.parentElement)?.closest(places);
            if (place && place.textContent) window.heard.push(place.textContent);
        }
    }).observe(document, { subtree: true, childList: true, characterData: true });
    return true;
})()";

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_read_out_in_quarters() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let id = world.add_job("EmaCross", JobStatus::Running).await;
    let tab = browser.open(&world.url("/jobs"), 1280, 900).await;
    live(&tab).await;
    tab.eval::<bool>(LISTEN).await;
    for percent in 1..=60 {
        world.report(id, JobChange::progress(Progress::of(percent, 100), 2)).await;
    }
    tab.until("document.querySelector('progress').value === 0.6").await;
    let heard: Vec<String> = tab.eval("[...new Set(window.heard)]").await;
    let name = format!("EmaCross {}", &id.to_string()[30..]);
    assert_eq!(heard, [format!("{name}: 25 percent done"), format!("{name}: 50 percent done")]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_form_is_said_where_it_is_listened_to() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let tab = browser.open(&world.url("/backtests/new"), 1280, 900).await;
    let places = "[...document.querySelectorAll('.faults, #coverage')]";
    let listened = format!(
        "{places}.every((one) => one.ariaLive === 'polite' && getComputedStyle(one).display !== 'none')"
    );
    assert!(tab.eval::<bool>(&listened).await, "what is not shown is not listened to");
    tab.eval::<bool>(&format!("(window.places = {places}).length > 3")).await;
    tab.eval::<bool>(LISTEN).await;
    tab.click("#symbols").await;
    tab.write("nonsense").await;
    tab.until("document.querySelector('#faults-symbols').textContent.startsWith('nonsense: ')").await;
    assert!(
        tab.eval::<bool>("window.places.every((one) => one.isConnected)").await,
        "they are other elements now"
    );
    let heard: Vec<String> = tab.eval("window.heard").await;
    assert!(heard.iter().any(|text| text.starts_with("nonsense: ")), "{heard:?}");
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_waits_for_enter() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let tab = browser.open(&world.url("/jobs"), 1280, 900).await;
    live(&tab).await;
    tab.tab_to("select[name=status]").await;
    for _ in 0..3 {
        tab.press("ArrowDown").await;
    }
    let chosen: String = tab.eval("document.querySelector('select[name=status]').value").await;
    assert!(!chosen.is_empty());
    assert!(
        tab.eval::<bool>("document.querySelector('main form button').offsetWidth > 0").await,
        "the button shows"
    );
    tab.tab_to("main form button").await;
    tab.press("Enter").await;
    tab.until(&format!("new URLSearchParams(location.search).get('status') === '{chosen}'")).await;
    let lists: Vec<String> = tab.requests().into_iter().filter(|url| url.contains("/jobs?")).collect();
    assert_eq!(lists.len(), 1, "{lists:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_pages_may_be_open() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let id = world.add_job("EmaCross", JobStatus::Running).await;
    let mut tabs = Vec::new();
    for _ in 0..8 {
        let tab = browser.open(&world.url("/jobs"), 800, 600).await;
        live(&tab).await;
        tabs.push(tab);
    }
    let ninth = browser.open(&world.url("/health"), 800, 600).await;
    assert_eq!(ninth.text("h1").await, "Health");
    world.report(id, JobChange::progress(Progress::of(1, 2), 2)).await;
    world.report(id, JobChange::failed("no candles", 3)).await;
    for tab in &tabs {
        tab.until("document.querySelector('#jobs .status.failed') !== null").await;
        assert_eq!(tab.complaints(), [""; 0]);
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_left_goes_on_when_it_is_shown_again() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let id = world.add_job("EmaCross", JobStatus::Running).await;
    let tab = browser.open(&world.url("/jobs"), 1280, 900).await;
    live(&tab).await;
    // What a browser tells a page that it keeps to go back to.
    let told =
        |name: &str| format!("dispatchEvent(new PageTransitionEvent('{name}', {{ persisted: true }}))");
    tab.eval::<bool>(&told("pagehide")).await;
    assert_eq!(tab.count("[data-live]").await, 0, "a page that is kept holds no connection");
    world.report(id, JobChange::progress(Progress::of(1, 4), 2)).await;
    tab.eval::<bool>(&told("pageshow")).await;
    tab.until("document.querySelector('progress').value === 0.25").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_when_the_service_is_gone_and_goes_on_when_it_is_back() {
    let Some(browser) = Browser::start().await else { return };
    let mut world = World::start(&[]).await;
    world.add_job("EmaCross", JobStatus::Running).await;
    let tab = browser.open(&world.url("/jobs"), 1280, 900).await;
    live(&tab).await;
    let form = browser.open(&world.url("/backtests/new"), 1280, 900).await;
    world.stop().await;
    form.tab_to("#symbols").await;
    form.write("BTC/USDT").await;
    form.until("document.querySelector('#not-live').innerText.startsWith('The service cannot be reached')")
        .await;
    tab.until("document.querySelector('#not-live').innerText.startsWith('The service cannot be reached')")
        .await;
    assert!(tab.text("#announce").await.starts_with("The service cannot be reached"));
    assert_eq!(tab.text("#not-live a").await, "Load the page anew");
    tab.picture("not-live", false).await;
    world.start_again(&[]).await;
    live(&tab).await;
    tab.until("document.querySelector('#not-live').hidden").await;
    let added = world.add_job("Dca", JobStatus::Running).await;
    world.report(added, JobChange::failed("no candles", 3)).await;
    tab.until(&format!("document.querySelector('#job-{added} .status.failed') !== null")).await;
    browser.close().await;
}

/// A form says what the service answered, and not that nobody did.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_says_why_it_is_not_checked() {
    let Some(browser) = Browser::start().await else { return };
    let world = World::start(&[]).await;
    let tab = browser.open("about:blank", 1280, 900).await;
    // What the service would answer, for one request after the other.
    let answers = "
        const answers = [429, 503, 500, 413, 200];
        const real = window.fetch;
        window.fetch = (...asked) => {
            const status = answers.shift();
            if (status === 200) return real(...asked);
            const answer = new Response('', { status });
            // One that was made up has none.
            Object.defineProperty(answer, 'url', { value: location.href });
            return Promise.resolve(answer);
        };";
    tab.before_each_page(answers).await;
    tab.goto(&world.url("/backtests/new")).await;
    tab.tab_to("#symbols").await;
    for (letter, said) in [
        ("B", "The service is asked too often from here (429)"),
        ("T", "The service takes no requests right now (503)"),
        ("C", "The service has a fault (500)"),
        ("/", "What was filled in is too long (413)"),
    ] {
        tab.write(letter).await;
        tab.until(&format!("document.querySelector('#not-live').innerText.startsWith('{said}')")).await;
        assert!(tab.text("#announce").await.starts_with(said));
    }
    tab.write("U").await;
    tab.until("document.querySelector('#not-live').hidden").await;
    assert_eq!(tab.complaints(), [""; 0]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_when_its_session_has_ended() {
    let Some(browser) = Browser::start().await else { return };
    let key = |text: &str| format!("tom:trader:{}", blake3::hash(text.as_bytes()).to_hex());
    let secret = "0123456789abcdef0123456789abcdef";
    let with = |key: &str| {
        [
            ("BACKEND_API_KEYS".to_owned(), key.to_owned()),
            ("BACKEND_CURSOR_SECRET".to_owned(), secret.to_owned()),
        ]
    };
    let variables = with(&key("first-key-0123456789"));
    let variables = variables.each_ref().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut world = World::start(&variables).await;
    let tab = browser.open(&world.url("/jobs?status=running"), 1280, 900).await;
    tab.until("document.querySelector('#key') !== null").await;
    tab.picture("login", false).await;
    assert_eq!(tab.unreadable().await, [""; 0]);
    assert_eq!(tab.complaints(), [""; 0]);
    tab.write("first-key-0123456789").await;
    tab.press("Enter").await;
    live(&tab).await;
    // The key is taken back, and the session with it.
    world.stop().await;
    let variables = with(&key("other-key-0123456789"));
    let variables = variables.each_ref().map(|(name, value)| (name.as_str(), value.as_str()));
    world.start_again(&variables).await;
    tab.until("document.querySelector('#not-live').innerText.startsWith('You are signed out')").await;
    tab.click("#not-live a").await;
    tab.until("location.pathname === '/login' && document.querySelector('#key') !== null").await;
    tab.write("other-key-0123456789").await;
    tab.press("Enter").await;
    tab.until("location.pathname + location.search === '/jobs?status=running'").await;
    live(&tab).await;
    browser.close().await;
}

/// What data-collection says of a job of its own that has come so far.
fn collected(done: u64, candles: u64) -> Value {
    json!({"ready": false, "status": "running", "job_id": "018cc251-f400-7000-8000-00000000c011", "errors": [], "progress": {
        "symbols_done": done, "symbols_total": 2, "candles_answered": candles, "candles_expected": 2_000}})
}

#[tokio::test(flavor = "multi_thread")]
async fn candles_that_are_collected_show_how_far_they_are() {
    let Some(browser) = Browser::start().await else { return };
    let peers = Peers::start().await;
    let waits = "/api/v1/sync/018cc251-f400-7000-8000-00000000c011";
    peers.reply("/api/v1/ensure", collected(0, 0));
    peers.reply(waits, collected(0, 0));
    let world = World::start(&peers.variables()).await;
    let request = json!({"strategy": "EmaCross", "symbols": ["BTC/USDT", "ETH/USDT"], "timeframe": "1h", "exchange": "sandbox", "start": "2024-01-01"});
    let list = browser.open(&world.url("/jobs"), 1280, 900).await;
    live(&list).await;
    let submit = format!(
        "fetch('/api/v1/backtests', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: JSON.stringify({request}) }}).then((reply) => reply.json()).then((job) => job.job_id)"
    );
    let id: String = list.eval(&submit).await;
    let page = browser.open(&world.url(&format!("/jobs/{id}")), 1280, 900).await;
    live(&page).await;
    for (done, candles, said) in [
        (0, 500, "Collecting candles: 0 of 4 series, 500 of 2,000 candles"),
        (1, 1_500, "Collecting candles: 1 of 4 series, 1,500 of 2,000 candles"),
    ] {
        peers.reply(waits, collected(done, candles));
        for tab in [&list, &page] {
            tab.until(&format!("document.querySelector('.far')?.innerText === {said:?}")).await;
            let part: f64 = tab.eval("document.querySelector('progress').position").await;
            assert_eq!(part, candles as f64 / 2_000.0);
        }
    }
    list.picture("collecting", false).await;
    page.picture("collecting-job", false).await;
    browser.close().await;
}
