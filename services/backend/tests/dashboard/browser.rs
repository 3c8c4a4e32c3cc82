//! A headless Chromium, driven over the DevTools protocol.
//!
//! Debian's packages are `chromium` and, for fonts, `fonts-dejavu-core`; `TRADAI_CHROMIUM` names another. Without any,
//! a test is skipped with a line that says so, unless `TRADAI_REQUIRE_CHROMIUM` is set, as `cargo xtask test` does.
//! `TRADAI_SCREENSHOTS` names a folder that [`Tab::picture`] leaves pictures in, to be looked at.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, InsertTextParams,
};
use chromiumoxide::cdp::browser_protocol::log::EventEntryAdded;
use chromiumoxide::cdp::browser_protocol::network::{EnableParams, EventRequestWillBeSent};
use chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::page::ScreenshotParams;
use chromiumoxide::{Browser as Chromium, BrowserConfig, Page};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::world::PATIENCE;

/// A browser of one test. Its profile goes with it.
pub(crate) struct Browser {
    chromium: Chromium,
    events: JoinHandle<()>,
    _profile: TempDir,
}

/// A page, and all that it asked for and complained about.
pub(crate) struct Tab {
    page: Page,
    requests: Arc<Mutex<Vec<String>>>,
    complaints: Arc<Mutex<Vec<String>>>,
}

fn executable() -> Option<PathBuf> {
    let named = std::env::var_os("TRADAI_CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = named.into_iter().chain(usual.map(PathBuf::from)).find(|path| path.is_file());
    if found.is_none() {
        let missing = "no Chromium (apt-get install chromium, or set TRADAI_CHROMIUM)";
        assert!(std::env::var_os("TRADAI_REQUIRE_CHROMIUM").is_none(), "{missing}");
        println!("skipped: {missing}");
    }
    found
}

impl Browser {
    /// Starts one; nothing where none is installed.
    pub(crate) async fn start() -> Option<Self> {
        let executable = executable()?;
        let profile = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable(executable)
            .user_data_dir(profile.path())
            .no_sandbox()
            .new_headless_mode()
            .viewport(None)
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .args([
                "disable-gpu",
                "disable-quic",
                "disable-background-networking",
                "disable-component-update",
            ])
            .build()
            .unwrap();
        let (chromium, mut handler) = Chromium::launch(config).await.unwrap();
        // Commands are answered for as long as somebody takes the events.
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        Some(Self { chromium, events, _profile: profile })
    }

    /// Opens a page of this size.
    pub(crate) async fn open(&self, url: &str, width: i64, height: i64) -> Tab {
        let page = self.chromium.new_page("about:blank").await.unwrap();
        let tab = Tab { page, requests: Arc::default(), complaints: Arc::default() };
        tab.listen().await;
        tab.resize(width, height).await;
        tab.goto(url).await;
        tab
    }

    pub(crate) async fn close(mut self) {
        self.chromium.close().await.unwrap();
        self.chromium.wait().await.unwrap();
        self.events.abort();
    }
}

impl Tab {
    async fn listen(&self) {
        self.page.execute(EnableParams::default()).await.unwrap();
        self.page.enable_log().await.unwrap();
        let mut requests = self.page.event_listener::<EventRequestWillBeSent>().await.unwrap();
        let noted = self.requests.clone();
        tokio::spawn(async move {
            while let Some(event) = requests.next().await {
                noted.lock().unwrap().push(event.request.url.clone());
            }
        });
        let mut entries = self.page.event_listener::<EventEntryAdded>().await.unwrap();
        let noted = self.complaints.clone();
        tokio::spawn(async move {
            while let Some(event) = entries.next().await {
                noted.lock().unwrap().push(format!("{:?}: {}", event.entry.level, event.entry.text));
            }
        });
        let mut thrown = self.page.event_listener::<EventExceptionThrown>().await.unwrap();
        let noted = self.complaints.clone();
        tokio::spawn(async move {
            while let Some(event) = thrown.next().await {
                noted.lock().unwrap().push(format!("{:?}", event.exception_details));
            }
        });
        let mut console = self.page.event_listener::<EventConsoleApiCalled>().await.unwrap();
        let noted = self.complaints.clone();
        tokio::spawn(async move {
            while let Some(event) = console.next().await {
                noted.lock().unwrap().push(format!("{:?}: {:?}", event.r#type, event.args));
            }
        });
    }

    /// Runs a script on each page that is opened from now on, before anything of its own.
    pub(crate) async fn before_each_page(&self, script: &str) {
        self.page.evaluate_on_new_document(script).await.unwrap();
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    pub(crate) async fn resize(&self, width: i64, height: i64) {
        let metrics = SetDeviceMetricsOverrideParams::new(width, height, 1.0, width < 600);
        self.page.execute(metrics).await.unwrap();
    }

    /// Prefers light or dark colours.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let feature = MediaFeature::new("prefers-color-scheme", scheme);
        self.page.emulate_media_features(vec![feature]).await.unwrap();
    }

    /// Returns what an expression comes to on the page.
    pub(crate) async fn eval<T: DeserializeOwned>(&self, expression: &str) -> T {
        let result = self.page.evaluate(expression).await;
        let result = result.unwrap_or_else(|error| panic!("{expression}: {error}"));
        result.into_value().unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression is true. A page may be left meanwhile.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let asking = async {
                loop {
                    let result = self.page.evaluate(expression).await;
                    if result.is_ok_and(|result| result.into_value().unwrap_or(false)) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            if tokio::time::timeout(PATIENCE, asking).await.is_err() {
                let text: String = self.text("body").await;
                panic!("{caller}: never: {expression}\n{:?}\n{text}", self.complaints());
            }
        }
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        self.eval(&format!("document.querySelector({selector:?})?.innerText ?? ''")).await
    }

    pub(crate) async fn count(&self, selector: &str) -> usize {
        self.eval(&format!("document.querySelectorAll({selector:?}).length")).await
    }

    /// Clicks as a person does: where the element is on the screen.
    pub(crate) async fn click(&self, selector: &str) {
        self.page.find_element(selector).await.unwrap().click().await.unwrap();
    }

    /// Writes into what has the focus.
    pub(crate) async fn write(&self, text: &str) {
        self.page.execute(InsertTextParams::new(text)).await.unwrap();
    }

    /// Presses a key that has no text, or Enter.
    pub(crate) async fn press(&self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, Some("\r")),
            "Tab" => (9, None),
            "ArrowDown" => (40, None),
            "Space" => (32, Some(" ")),
            other => panic!("{other} is not known here"),
        };
        let name = if key == "Space" { " " } else { key };
        for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
            let mut event = DispatchKeyEventParams::builder()
                .r#type(kind.clone())
                .key(name)
                .code(key)
                .windows_virtual_key_code(code);
            if let (Some(text), DispatchKeyEventType::KeyDown) = (text, &kind) {
                event = event.text(text);
            }
            self.page.execute(event.build().unwrap()).await.unwrap();
        }
    }

    /// Goes on by Tab until what has the focus fits.
    pub(crate) async fn tab_to(&self, selector: &str) {
        for _ in 0..60 {
            if self.eval(&format!("document.activeElement?.matches({selector:?}) ?? false")).await {
                return;
            }
            self.press("Tab").await;
        }
        panic!("the keyboard does not get to {selector}");
    }

    /// Addresses that the page asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// What the page or the browser complained about.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap().clone()
    }

    /// Parts that reach beyond the right edge, those that scroll by themselves left out.
    pub(crate) async fn too_wide(&self) -> Vec<String> {
        self.eval(
            "[...document.querySelectorAll('body *')]
                .filter((one) => !one.closest('.scroll, .chart, .unseen, .skip, svg') && one.getBoundingClientRect().right > innerWidth + 1)
                .map((one) => one.outerHTML.slice(0, 80))
                .concat(document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : [])",
        )
        .await
    }

    /// What keeps people from the page who do not see it, or have no pointer.
    pub(crate) async fn unreadable(&self) -> Vec<String> {
        self.eval(
            r#"(() => {
                const shown = (one) => one.offsetParent !== null || one.closest(".unseen, .skip");
                const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
                const text = (one) => (one.innerText || one.textContent || "").trim();
                const named = (one) => one.getAttribute("aria-label") || text(one) || one.title
                    || [...(one.labels ?? [])].some(text);
                const said = (what, found) => found.map((one) => `${what}: ${one.outerHTML.slice(0, 120)}`);
                const ids = [...document.querySelectorAll("[id]")];
                const levels = all("main h1, main h2, main h3, main h4").map((one) => Number(one.tagName[1]));
                return [
                    ...said("no name", all("a[href], button, summary, main input:not([type=hidden]), select, textarea, progress").filter((one) => !named(one))),
                    ...said("no name of a region", all("[role=region], nav, section").filter((one) => !one.getAttribute("aria-label") && !one.getAttribute("aria-labelledby"))),
                    ...said("id twice", ids.filter((one) => ids.find((other) => other.id === one.id) !== one)),
                    ...said("no such id", all("[aria-describedby], [aria-labelledby]").filter((one) =>
                        `${one.getAttribute("aria-describedby") ?? ""} ${one.getAttribute("aria-labelledby") ?? ""}`.split(" ").some((id) => id && !document.getElementById(id)))),
                    ...said("no scope", all("main table.list th, .compared th").filter((one) => !one.scope)),
                    ...said("an order of its own", all("[tabindex]").filter((one) => one.tabIndex > 0)),
                    ...said("scrolls without keys", all(".scroll, .log").filter((one) => (one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1) && one.tabIndex < 0 && !one.querySelector("a[href], button, input"))),
                    ...(levels.filter((level) => level === 1).length === 1 ? [] : ["not one heading of the page"]),
                    ...(levels.some((level, at) => level > (levels[at - 1] ?? 0) + 1) ? [`headings skip a level: ${levels}`] : []),
                    ...(document.documentElement.lang ? [] : ["no language"]),
                    ...(document.title ? [] : ["no title"]),
                ];
            })()"#,
        )
        .await
    }

    /// Shows the page as it is printed.
    pub(crate) async fn print(&self) {
        let media = SetEmulatedMediaParams::builder().media("print").build();
        self.page.execute(media).await.unwrap();
        self.eval::<bool>("dispatchEvent(new Event('beforeprint'))").await;
    }

    /// Leaves a picture for somebody to look at, if asked to.
    pub(crate) async fn picture(&self, name: &str, full: bool) {
        let Some(folder) = std::env::var_os("TRADAI_SCREENSHOTS").map(PathBuf::from) else { return };
        std::fs::create_dir_all(&folder).unwrap();
        let params = ScreenshotParams::builder().format(CaptureScreenshotFormat::Png).full_page(full).build();
        self.page.save_screenshot(params, folder.join(name).with_extension("png")).await.unwrap();
    }
}
