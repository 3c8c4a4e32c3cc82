//! The report in a real browser: charts are drawn, tables answer, nothing leaves the page, hostile names stay text.
//!
//! Headless Chromium opens the page from disk and prints the document it ended up with. A script of the test is put
//! into the page under the page's own nonce; it clicks and types as a person would and leaves what it saw in a
//! `<pre>`. Debian's packages are `chromium` and, for fonts, `fonts-dejavu-core`; `TRADAI_CHROMIUM` names another.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::report::{HOSTILE, Sample};

/// What every visit reports, and where `steps` adds to.
const VISIT: &str = r##"
addEventListener("load", async () => {
  const seen = {}, all = (selector) => [...document.querySelectorAll(selector)];
  const texts = (selector) => all(selector).map((one) => one.textContent);
  const settle = () => new Promise((done) => setTimeout(done, 400));
  await settle();
  seen.drawn = document.documentElement.dataset.report;
  seen.fault = document.getElementById("fault").textContent;
  seen.curves = all("#equity-chart .scatterlayer path.js-line").length;
  seen.candles = all("#price-chart .boxlayer path.box").length;
  seen.marks = all("#price-chart .scatterlayer path.point").length;
  seen.bins = all("#spread-chart .bars path").length;
  seen.rows = all("#trades-table tbody tr").length;
  seen.images = all("img").length;
  seen.title = document.title;
  {{steps}}
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
});
"##;

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("TRADAI_CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = named.into_iter().chain(usual.map(PathBuf::from)).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: no Chromium (apt-get install chromium, or set TRADAI_CHROMIUM)");
    }
    found
}

/// Opens a page, takes `steps`, returns what was seen; nothing without a browser.
fn visit(page: &str, steps: &str, flags: &[&str]) -> Option<Value> {
    let browser = chromium()?;
    let folder = tempfile::tempdir().unwrap();
    let nonce = page.split_once("'nonce-").unwrap().1.split_once('\'').unwrap().0;
    let script = format!("<script nonce=\"{nonce}\">{}</script>", VISIT.replace("{{steps}}", steps));
    let file = folder.path().join("report.html");
    std::fs::write(&file, format!("{page}{script}")).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--virtual-time-budget=30000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(flags)
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let document = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let seen = document.split_once("<pre id=\"seen\">").unwrap_or_else(|| panic!("no report: {errors}")).1;
    let seen = seen.split_once("</pre>").unwrap().0;
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Some(serde_json::from_str(&seen).unwrap())
}

#[test]
fn charts_and_tables_are_drawn() {
    let page = Sample::new(150, "dip").page("Dip");
    let Some(seen) = visit(&page, "", &["--window-size=1280,900"]) else { return };
    assert_eq!((&seen["drawn"], &seen["fault"]), (&Value::from("drawn"), &Value::from("")), "{seen}");
    assert_eq!(seen["curves"], 3, "{seen}");
    assert!(seen["candles"].as_u64() > Some(500), "{seen}");
    assert!(seen["marks"].as_u64() > Some(50) && seen["bins"].as_u64() > Some(3), "{seen}");
    assert_eq!(seen["rows"], 50, "{seen}");
}

#[test]
fn the_page_answers() {
    let steps = r##"
      seen.whole = texts("#price-note")[0];
      all("#trades-table tbody button")[3].click();
      await settle();
      seen.zoomed = texts("#price-note")[0];
      seen.bands = all("#price-chart .shapelayer path").length;
      document.getElementById("whole").click();
      await settle();
      seen.back = texts("#price-note")[0];
      const profit = all("#trades-table thead button").find((one) => one.textContent === "Profit");
      profit.click();
      seen.sorted = document.querySelector("#trades-table th[aria-sort=descending] button").textContent;
      seen.focused = document.activeElement.textContent;
      seen.best = all("#trades-table tbody tr:first-child td")[9].textContent;
      const find = document.getElementById("find");
      find.value = "eth/";
      find.dispatchEvent(new Event("input"));
      seen.found = new Set(texts("#trades-table tbody td:nth-child(2)")).size;
      document.getElementById("pair").value = "ETH/USDT";
      document.getElementById("pair").dispatchEvent(new Event("change"));
      await settle();
      seen.legend = texts("#price-chart .legendtext")[0];
      all("#breakdown-choice button").find((one) => one.textContent === "Month").click();
      seen.months = texts("#breakdown-table tbody th");
    "##;
    let page = Sample::new(150, "dip").page("Dip");
    let Some(seen) = visit(&page, steps, &["--window-size=1280,900"]) else { return };
    assert_eq!(seen["fault"], "", "{seen}");
    assert!(seen["zoomed"].as_str().unwrap().starts_with("Trade 4 is shaded"), "{seen}");
    assert_eq!(seen["bands"], 1, "{seen}");
    assert_eq!(seen["back"], seen["whole"], "{seen}");
    assert_eq!((&seen["sorted"], &seen["focused"]), (&"Profit".into(), &"Profit".into()), "{seen}");
    assert!(seen["best"].as_str().unwrap().starts_with("2."), "sold at the ROI of 2 %: {seen}");
    assert_eq!(seen["found"], 1, "{seen}");
    assert_eq!(seen["legend"], "ETH/USDT (synthetic candles)");
    assert_eq!(seen["months"], serde_json::json!(["2024-01", "2024-02", "2024-03"]));
}

#[test]
fn hostile_names_do_nothing() {
    let steps = r##"
      const tag = all("#trades-table tbody tr:first-child td")[10].textContent;
      seen.tag = tag;
      seen.heading = texts("h1")[0];
      document.querySelector("#price-chart .scatterlayer path.point").dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
      await settle();
    "##;
    let Some(seen) = visit(&Sample::new(400, HOSTILE).page(HOSTILE), steps, &[]) else { return };
    assert_eq!((&seen["drawn"], &seen["images"]), (&Value::from("drawn"), &Value::from(0)), "{seen}");
    assert_eq!((&seen["tag"], &seen["heading"]), (&HOSTILE.into(), &HOSTILE.into()), "{seen}");
    assert_eq!(seen["title"], format!("{HOSTILE} - backtest"), "{seen}");
}

#[test]
fn the_policy_lets_nothing_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let steps = format!(
        r##"
      seen.fetched = await fetch("{address}").then(() => "yes", () => "no");
      const image = new Image();
      image.src = "{address}image.png";
      const handler = document.createElement("b");
      handler.setAttribute("onclick", "document.title = 'owned'");
      document.body.append(handler);
      handler.click();
      await settle();
      seen.after = document.title;
    "##
    );
    let Some(seen) = visit(&Sample::new(400, "dip").page("Dip"), &steps, &[]) else { return };
    assert_eq!((&seen["fetched"], &seen["after"]), (&"no".into(), &"Dip - backtest".into()), "{seen}");
    assert!(listener.accept().is_err(), "the page reached the network");
}

#[test]
fn a_backtest_without_trades_says_so() {
    let steps = r##"
      seen.empty = !document.getElementById("empty").hidden;
      seen.spread = texts("#spread-chart")[0];
      seen.cards = texts("#headline dd");
    "##;
    let Some(seen) = visit(&Sample::new(0, "").page("Quiet"), steps, &[]) else { return };
    assert_eq!((&seen["drawn"], &seen["fault"]), (&Value::from("drawn"), &Value::from("")), "{seen}");
    assert_eq!(seen["empty"], true, "{seen}");
    assert!(seen["spread"].as_str().unwrap().contains("no trade"), "{seen}");
    assert!(!seen["cards"].to_string().contains("NaN"), "{seen}");
}

#[test]
fn a_phone_needs_no_sideways_scrolling() {
    let steps = r##"
      seen.window = innerWidth;
      seen.wide = all("body *").filter((one) => !one.closest(".scroll, .chart") && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80));
    "##;
    let page =
        Sample::new(150, "dip").page("AStrategyWithAVeryLongNameThatHasNoSpaceInItAtAllAndGoesOnAndOn");
    // Desktop Chromium makes no window narrower than 500; the narrow layout begins at 600.
    let Some(seen) = visit(&page, steps, &["--window-size=500,900"]) else { return };
    assert_eq!(seen["drawn"], "drawn", "{seen}");
    assert!(seen["window"].as_u64() <= Some(500), "{seen}");
    assert_eq!(seen["wide"], serde_json::json!([]), "{seen}");
}
