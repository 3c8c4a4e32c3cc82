//! Pages and forms over HTTP, without a browser.

use serde_json::json;
use tradai_domain::Timeframe;
use tradai_domain::jobs::{BacktestConfig, JobChange, JobStatus, Progress};
use tradai_http_client::reqwest;
use tradai_testkit::until;

use crate::peer::Peers;
use crate::world::{HOSTILE, World, config};

/// A reply, read whole.
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

fn client() -> reqwest::Client {
    tradai_http_client::builder().unwrap().build().unwrap()
}

async fn read(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

pub(crate) async fn get(world: &World, path: &str) -> Reply {
    read(client().get(world.url(path))).await
}

/// Sends a form as a page of `origin` does.
pub(crate) async fn post(world: &World, path: &str, form: &[(&str, &str)], origin: &str) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = client().post(world.url(path)).body(body).header("origin", origin);
    read(request.header("content-type", "application/x-www-form-urlencoded")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_are_down_are_said_in_their_place() {
    let world = World::start(&[]).await;
    for (path, said) in [
        ("/jobs", "No jobs here"),
        ("/backtests/new", "strategy-service is "),
        ("/backtests/new?strategy=A&symbols=BTC/USDT&timeframe=1h&exchange=x", "data-collection is "),
        ("/strategies", "strategy-service is "),
        ("/strategies/EmaCross", "strategy-service is "),
        ("/data", "data-collection is "),
        ("/data", "No imported candles"),
        ("/health", "data-collection is "),
    ] {
        let reply = get(&world, path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.text.contains(said), "{path}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_forbids_what_is_not_its_own() {
    let world = World::start(&[]).await;
    let reply = get(&world, "/jobs").await;
    let policy = reply.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(get(&world, "/").await.header("location"), "/jobs");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_for_good_and_asked_for_by_their_content() {
    let world = World::start(&[]).await;
    let page = get(&world, "/jobs").await.text;
    let start = page.find("/assets/dashboard-").unwrap();
    let path = page[start..].split('"').next().unwrap();
    let reply = get(&world, path).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "public, max-age=31536000, immutable"));
    let again = read(client().get(world.url(path)).header("if-none-match", reply.header("etag"))).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(get(&world, "/assets/dashboard-0000000000000000.css").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_filtered_and_paged() {
    let world = World::start(&[]).await;
    let failed = world.add_job("RsiMeanReversion", JobStatus::Failed).await;
    let running = world.add_job("EmaCross", JobStatus::Running).await;
    world.report(running, JobChange::progress(Progress::of(1, 4), 1)).await;
    let all = get(&world, "/jobs").await.text;
    assert!(all.contains(&failed.to_string()) && all.contains("25.0%"), "{all}");
    assert!(all.contains("&lt;/script&gt;&lt;img") && !all.contains(HOSTILE), "the reason is text");
    let some = get(&world, "/jobs?status=failed&strategy=RsiMeanReversion").await.text;
    assert!(some.contains(&failed.to_string()) && !some.contains(&running.to_string()));
    assert!(
        get(&world, "/jobs?strategy=a+b").await.text.contains("message warn"),
        "a name that is none is said"
    );
    for _ in 0..25 {
        world.add_job("EmaCross", JobStatus::Cancelled).await;
    }
    let first = get(&world, "/jobs").await.text;
    assert!(!first.contains(&failed.to_string()));
    let start = first.find("/jobs?before=").unwrap();
    let older = get(&world, first[start..].split('"').next().unwrap()).await.text;
    assert!(older.contains(&failed.to_string()) && older.contains("Newest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_page() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    for path in [
        "/jobs/nonsense",
        "/jobs/018cc251-f400-7000-8000-000000000001",
        "/strategies/Nobody",
        "/compare?job=x",
    ] {
        let reply = get(&world, path).await;
        assert_eq!((reply.status, reply.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
    }
    assert!(get(&world, "/compare").await.text.contains("Tick two or more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_refused_with_every_fault_and_without_scripts() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let form = [
        ("strategy", "Nobody"),
        ("symbols", "BTC/USDT x"),
        ("start", "soon"),
        ("stake_amount", "-1"),
        ("settings", "[]"),
    ];
    let reply = post(&world, "/backtests/new", &form, &world.url("")).await;
    assert_eq!(reply.status, 422);
    for said in [
        "there is no strategy `Nobody`; there are EmaCross",
        "x: ",
        "expected a JSON object",
        "expected a number above 0",
    ] {
        assert!(reply.text.contains(said), "{said}: {}", reply.text);
    }
    assert!(reply.text.contains("value=\"BTC/USDT x\""), "what was filled in stays");
    assert!(get(&world, "/jobs").await.text.contains("No jobs here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_run_again_with_the_versions_that_it_took() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let id = world.next_id();
    let config = BacktestConfig {
        strategy_version: Some("1.0.0".to_owned()),
        exchange: Some("sandbox".parse().unwrap()),
        ..config()
    };
    world.add_job_of(id, config, JobStatus::Running).await;
    let running = get(&world, &format!("/jobs/{id}")).await.text;
    assert!(running.contains("the one that is active when it starts") && running.contains("SYNTHETIC"));
    // It named no version; this one was active when it began, and another one is now.
    world.complete(id, Some("v2-0f1e2d3c")).await;
    let page = get(&world, &format!("/jobs/{id}")).await.text;
    assert!(page.contains("<dd>v2-0f1e2d3c</dd>"), "{page}");
    let start = page.find("/backtests/new?").unwrap();
    let link = page[start..].split('"').next().unwrap().replace("&amp;", "&");
    let form = get(&world, &link).await.text;
    assert!(form.contains("value=\"v2-0f1e2d3c\" label=\"v2-0f1e2d3c · draft · a tighter stop\""), "{form}");
    let url = reqwest::Url::parse(&world.url(&link)).unwrap();
    let filled: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .filter(|name| form.contains(&format!("name=\"{name}\"")))
        .map(|name| (name.clone(), value_of(&form, &name)))
        .collect();
    let fields: Vec<(&str, &str)> =
        filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = post(&world, "/backtests/new", &fields, &world.url("")).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let again = sent.header("location").rsplit('/').next().unwrap();
    let asked = world.wiring.jobs.message(again.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(asked.config.config_id, Some("v2-0f1e2d3c".parse().unwrap()));
    assert_eq!(asked.config.strategy_version.as_deref(), Some("1.0.0"));
}

/// What an input of a page is filled in with, or which option of a select is chosen.
fn value_of(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\"")).unwrap();
    let (tag, inside) = rest.split_once('>').unwrap();
    let of_tag =
        |tag: &str| tag.split_once("value=\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
    of_tag(tag).unwrap_or_else(|| {
        let (options, _) = inside.split_once("</select>").unwrap();
        let chosen = options.split("<option").find(|option| option.contains(" selected")).unwrap_or_default();
        of_tag(chosen).unwrap_or_default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_there_are_not_are_said_at_their_field() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    for (name, value, said) in [
        (
            "config_id",
            "v9-0f1e2d3c",
            "there is no such version of this strategy; there are v2-0f1e2d3c, v1-0f1e2d3c",
        ),
        ("config_id", "x", "config"),
        ("strategy_version", "2.0.0", "there is 1.0.0"),
    ] {
        let form = [("strategy", "EmaCross"), ("symbols", "BTC/USDT"), (name, value)];
        let reply = post(&world, "/backtests/new", &form, &world.url("")).await;
        assert_eq!(reply.status, 422, "{name}");
        let (_, field) = reply.text.split_once(&format!("id=\"faults-{name}\"")).unwrap();
        let (faults, _) = field.split_once("</p>").unwrap();
        assert!(faults.contains(said), "{faults}");
        assert!(reply.text.contains(&format!("value=\"{value}\"")), "what was filled in stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_candles_are_labelled_and_what_will_be_collected_is_said() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let path = "/backtests/new?strategy=EmaCross&symbols=BTC/USDT&exchange=sandbox";
    let open = get(&world, path).await.text;
    let panel = open.split_once("Stored candles").unwrap().1;
    assert!(panel.contains("SYNTHETIC") && panel.contains("is completed up to now"), "{panel}");
    let from = get(&world, &format!("{path}&start=2024-01-01")).await.text;
    assert!(from.contains("What is missing is collected before the run."), "{from}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_submits_once() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let form = [("strategy", "EmaCross"), ("symbols", "BTC/USDT"), ("key", "4d3b9f")];
    let first = post(&world, "/backtests/new", &form, &world.url("")).await;
    let second = post(&world, "/backtests/new", &form, &world.url("")).await;
    assert_eq!(first.status, 303, "{}", first.text);
    assert!(first.header("location").starts_with("/jobs/"));
    assert_eq!(first.header("location"), second.header("location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_change_nothing() {
    let world = World::start(&[]).await;
    let running = world.add_job("EmaCross", JobStatus::Running).await;
    let path = format!("/jobs/{running}/cancel");
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        assert_eq!(post(&world, &path, &[], origin).await.status, 403, "{origin}");
    }
    assert_eq!(world.wiring.jobs.get(running).await.unwrap().unwrap().status, JobStatus::Running);
    let own = post(&world, &path, &[], &world.url("")).await;
    assert_eq!((own.status, own.header("location")), (303, format!("/jobs/{running}").as_str()));
    assert_eq!(world.wiring.jobs.get(running).await.unwrap().unwrap().status, JobStatus::Cancelled);
    let deleted = post(&world, &format!("/jobs/{running}/delete"), &[], &world.url("")).await;
    assert_eq!((deleted.status, deleted.header("location")), (303, "/jobs"));
    assert_eq!(world.wiring.jobs.get(running).await.unwrap(), None);
    let log = get(&world, "/health").await.text;
    assert!(log.contains("job.cancel") && log.contains("job.delete"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_shows_versions_origins_and_what_differs() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    let page = get(&world, "/strategies/EmaCross?a=v1-0f1e2d3c&b=v2-0f1e2d3c").await.text;
    for said in [
        "crossed_above(fast, slow)",
        "version v1-0f1e2d3c",
        "/settings<wbr>/stoploss",
        "is not used",
        "5 to 30",
        "ema, sma",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    // A value that looks like a credential has an origin and is not shown.
    assert!(!page.contains("/api_key"), "{page}");
    let path = "/strategies/EmaCross/configs/v2-0f1e2d3c/activate";
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = client().post(world.url(path)).header("origin", world.url(""));
    let reply = read(request.header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/strategies/EmaCross#configs"));
    assert!(peers.asked().contains(&format!("POST /api/v1{path}")), "{:?}", peers.asked());
    assert!(world.wiring.audit.list(None, 1).await.unwrap().is_empty(), "the one who does it notes it");
    assert!(
        peers.trace_of(&format!("/api/v1{path}")).contains(trace),
        "the other service does not know the trace"
    );
    assert_eq!(post(&world, "/strategies/a..%2Fb/configs/x/activate", &[], &world.url("")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_see_and_traders_do() {
    let key = |name: &str| format!("{name}-key-0123456789");
    let item =
        |name: &str, role: &str| format!("{name}:{role}:{}", blake3::hash(key(name).as_bytes()).to_hex());
    let keys = [item("vera", "viewer"), item("tom", "trader")].join(",");
    let world = World::start(&[("BACKEND_API_KEYS", &keys)]).await;
    let running = world.add_job("EmaCross", JobStatus::Running).await;
    let as_caller = |name: &str, request: reqwest::RequestBuilder| read(request.bearer_auth(key(name)));
    let page = as_caller("vera", client().get(world.url("/jobs"))).await;
    assert!(page.status == 200 && !page.text.contains("/cancel"), "{}", page.text);
    assert!(!as_caller("vera", client().get(world.url("/health"))).await.text.contains("Who did what"));
    let cancel = || client().post(world.url(&format!("/jobs/{running}/cancel")));
    assert_eq!(as_caller("vera", cancel()).await.status, 403);
    assert!(as_caller("tom", client().get(world.url("/jobs"))).await.text.contains("/cancel"));
    assert_eq!(as_caller("tom", cancel()).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_read_without_scripts() {
    let world = World::start(&[]).await;
    let (one, other) = (world.add_result("EmaCross").await, world.add_result("EmaCross").await);
    let page = get(&world, &format!("/jobs/{one}")).await.text;
    assert!(page.contains("<noscript><table>") && page.contains("SYNTHETIC"), "no table");
    let verify = format!("tradai --data-dir {} verify {one}", world.folder.path().display());
    assert!(page.contains(&verify), "a folder of its own must be named: {verify}");
    let content = page.split_once("id=\"content\">").unwrap().1.split_once("</script>").unwrap().0;
    let content: serde_json::Value = serde_json::from_str(content).unwrap();
    assert_eq!((&content["job_id"], &content["synthetic"]), (&json!(one), &json!(true)));
    let compared = get(&world, &format!("/compare?job={one}&job={other}")).await.text;
    assert!(compared.contains("All settings are the same") && compared.contains("Max drawdown"));
    let listed = get(&world, "/jobs").await.text;
    assert!(listed.contains(&format!("tick-{one}")) && listed.contains("SYNTHETIC"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_said_last_is_labelled_with_its_age() {
    let peers = Peers::start().await;
    let world = World::start(&peers.variables()).await;
    for path in ["/strategies", "/strategies/EmaCross"] {
        assert!(!get(&world, path).await.text.contains("This is what it said"), "{path}");
    }
    peers.go();
    for path in ["/strategies", "/strategies/EmaCross"] {
        let reply = get(&world, path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(
            reply.text.contains("This is what it said") && reply.text.contains("EmaCross"),
            "{}",
            reply.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_gone_is_said_in_its_place() {
    let world = World::start(&[]).await;
    let id = world.add_job("EmaCross", JobStatus::Completed).await;
    let log = world.folder.path().join("tasks").join(id.to_string());
    std::fs::create_dir_all(&log).unwrap();
    let page = get(&world, &format!("/jobs/{id}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("The result is not there."), "{}", page.text);
    assert!(get(&world, "/jobs").await.text.contains(&id.to_string()));
    let compared = get(&world, &format!("/compare?job={id}")).await;
    assert!(compared.status == 200 && compared.text.contains("has no result"), "{}", compared.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_key_and_out_again() {
    let key = "vera-key-0123456789";
    let item = format!("vera:viewer:{}", blake3::hash(key.as_bytes()).to_hex());
    let world = World::start(&[("BACKEND_API_KEYS", &item)]).await;
    let page = |path: &str| client().get(world.url(path)).header("accept", "text/html");
    let sent = read(page("/jobs")).await;
    assert_eq!((sent.status, sent.header("location")), (303, "/login?next=%2Fjobs"));
    let form = read(page("/login?next=%2Fjobs")).await;
    assert!(
        form.text.contains("type=\"password\"") && form.text.contains("value=\"/jobs\""),
        "{}",
        form.text
    );
    let own = world.url("");
    let refused = post(&world, "/login", &[("key", "wrong"), ("next", "/jobs")], &own).await;
    assert!(refused.status == 401 && refused.text.contains("This key is not known"), "{}", refused.text);
    let known = post(&world, "/login", &[("key", key), ("next", "/jobs")], &own).await;
    assert_eq!((known.status, known.header("location")), (303, "/jobs"));
    let cookie = known.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let jobs = read(page("/jobs").header("cookie", cookie)).await;
    assert!(
        jobs.status == 200 && jobs.text.contains("Sign out") && jobs.text.contains("vera"),
        "{}",
        jobs.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_candles_are_shown_without_anybody_who_collects() {
    let world = World::start(&[]).await;
    let none = get(&world, "/data").await.text;
    assert!(none.contains("No imported candles") && !world.folder.path().join("store").exists(), "{none}");
    world.add_candles(&["BTC/USDT", "ETH/USDT"], Timeframe::H1, 60);
    let page = get(&world, "/data").await.text;
    for said in
        ["BTC/USDT", "SYNTHETIC", "1,440", "2023-03-01 23:00", "100.00% stored. ", "svg class=\"cover\""]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    let found = get(&world, "/data?find=eth").await.text;
    assert!(found.contains("ETH/USDT") && !found.contains("BTC/USDT"), "{found}");
    let form = "/backtests/new?strategy=EmaCross&timeframe=1h";
    let panel = get(&world, form).await.text;
    let panel = panel.split_once("Stored candles").unwrap().1;
    assert!(panel.contains("BTC/USDT") && panel.contains("ETH/USDT"), "{panel}");
    let named = get(&world, &format!("{form}&symbols=BTC/USDT+XRP/USDT&end=2023-03-03")).await.text;
    for said in ["1,440 candles, 98.36%", "24 missing", "XRP/USDT 1h is not imported."] {
        assert!(named.contains(said), "{said}: {named}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_verified_from_its_page() {
    let world = World::start(&[]).await;
    world.add_candles(&["BTC/USDT", "ETH/USDT"], Timeframe::H1, 180);
    let id = world.add_result("EmaCross").await;
    let path = format!("/jobs/{id}/verify");
    assert!(get(&world, &format!("/jobs/{id}")).await.text.contains(&format!("action=\"{path}\"")));
    let shown = format!("/jobs/{id}/verification");
    assert_eq!(get(&world, &shown).await.status, 404);
    let verified = async || {
        let begun = post(&world, &path, &[], &world.url("")).await;
        assert_eq!((begun.status, begun.header("location")), (303, shown.as_str()), "{}", begun.text);
        // A page that is not the last word is loaded again by itself.
        until(|| async { get(&world, &shown).await.header("refresh").is_empty() }).await;
        get(&world, &shown).await
    };
    let same = verified().await;
    assert!(same.status == 200 && same.text.contains("The same bytes."), "{}", same.text);
    let trades = world.folder.path().join("jobs").join(id.to_string()).join("trades.parquet");
    std::fs::write(trades, "changed").unwrap();
    let altered = verified().await;
    assert!(altered.status == 200 && altered.text.contains("Not the same bytes."), "{}", altered.text);
    assert!(altered.text.contains("trades.parquet</th><td class=\"text\">altered</td>"), "{}", altered.text);
    let stopped = post(&world, &format!("{shown}/cancel"), &[], &world.url("")).await;
    assert_eq!((stopped.status, stopped.header("location")), (303, shown.as_str()));
    let running = world.add_job("EmaCross", JobStatus::Running).await;
    assert_eq!(post(&world, &format!("/jobs/{running}/verify"), &[], &world.url("")).await.status, 409);
}
