//! The catalogue, checking files, and what strategies are written in.

use serde_json::{Value, json};

use crate::support::{DIP, World};

#[tokio::test]
async fn strategies_that_ship_and_those_of_the_folder_are_listed_by_name() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    world.put_file("nested/tradai.yaml", DIP.replace("name: Dip", "name: Nested"));
    // Stands in for the one that ships.
    world.put_file("own.yaml", DIP.replace("name: Dip", "name: EmaCross"));
    world.put_file("again.yaml", DIP.replace("1.0.0", "2.0.0"));
    world.put_file("broken.yaml", DIP.replace("rsi < dip", "rsj < dip"));
    world.put_file("elsewhere.yaml", "strategy: {name: Py, timeframe: 1h, entry_point: 'a.b:C'}");
    world.put_file("bytes.yaml", [0xff, 0xfe, 0x00]);
    world.put_file("notes.txt", "no strategy");
    let reply = world.get("strategies").await.expect(200);
    let items = reply["items"].as_array().unwrap();
    let names: Vec<&str> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Dca",
            "Dip",
            "DonchianBreakout",
            "EmaCross",
            "FuturesLongShort",
            "MultiTimeframe",
            "Nested",
            "RsiMeanReversion"
        ]
    );
    assert_eq!((items[3]["origin"].as_str(), items[3]["file"].as_str()), (Some("folder"), Some("own.yaml")));
    assert_eq!((items[4]["origin"].as_str(), &items[4]["can_short"]), (Some("bundled"), &Value::Bool(true)));
    let broken: Vec<(&str, &str)> = reply["broken"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| (b["file"].as_str().unwrap(), b["faults"][0]["message"].as_str().unwrap()))
        .collect();
    let starts = [
        ("broken.yaml", "there is no `rsj`"),
        ("bytes.yaml", "is no text in UTF-8"),
        ("dip.yaml", "is Dip, and so is again.yaml"),
        ("elsewhere.yaml", "describes a strategy whose rules live in a.b:C"),
    ];
    assert_eq!(broken.len(), starts.len(), "{broken:?}");
    for ((file, message), (expected, start)) in broken.iter().zip(starts) {
        assert!(*file == expected && message.starts_with(start), "{file}: {message}");
    }
    let path = world.folder.path().display().to_string();
    assert!(!reply.to_string().contains(&path), "the folder's place is nobody's business");
}

#[tokio::test]
async fn lists_have_pages() {
    let world = World::new();
    let (mut names, mut path) = (Vec::new(), "strategies?limit=4".to_owned());
    loop {
        let reply = world.get(&path).await;
        let page = reply.expect(200);
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].to_string()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        assert!(reply.header("link").contains("rel=\"next\""));
        path = format!("strategies?limit=4&cursor={cursor}");
    }
    assert_eq!(names.len(), 6);
    assert!(names.is_sorted());
}

#[tokio::test]
async fn a_strategy_is_shown_whole() {
    let world = World::new();
    world.put_file("dip.yaml", DIP);
    let reply = world.get("strategies/Dip").await;
    let shown = reply.expect(200);
    assert_eq!(reply.header("etag"), format!("\"{}\"", shown["source_hash"].as_str().unwrap()));
    assert_eq!(shown["source_hash"], blake3::hash(DIP.as_bytes()).to_hex().as_str());
    assert_eq!(shown["text"], DIP);
    assert_eq!(
        shown["parameters"],
        json!([{"name": "dip", "type": "int", "default": 30, "low": 15.0, "high": 40.0, "decimals": null,
            "options": [], "space": "buy", "optimize": true}])
    );
    assert_eq!(shown["indicators"][0]["formula"], "rsi(timeperiod=14)");
    assert_eq!(shown["entry"], json!([{"side": "long", "when": "rsi < dip", "tag": "dip"}]));
    assert_eq!((&shown["settings"]["stake_amount"], &shown["startup_candles"]), (&json!(100), &json!(14)));
    assert_eq!(
        (&shown["version"], &shown["timeframe"], &shown["active_config"]),
        (&json!("1.0.0"), &json!("5m"), &Value::Null)
    );
    assert_eq!(world.get("strategies/Dipp").await.problem().0, 404);
    assert_eq!(world.get("strategies/..%2Fx").await.problem().0, 422);
}

#[tokio::test]
async fn files_are_checked_with_every_fault_at_its_line() {
    let world = World::new();
    let check = async |text: &str| world.post_file("strategies/validate", text, &[]).await.expect(200);
    let good = check(DIP).await;
    assert_eq!((&good["valid"], &good["name"]), (&json!(true), &json!("Dip")));
    let bad =
        check(&DIP.replace("rsi < dip", "rsj < dip").replace("stoploss: -0.05", "stoploss: 0.05")).await;
    assert_eq!(bad["valid"], false);
    let faults: Vec<(u64, &str)> = bad["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["line"].as_u64().unwrap(), fault["key"].as_str().unwrap()))
        .collect();
    assert_eq!(faults, [(3, "settings.stoploss"), (8, "signals.entry[0].when")]);
    assert!(bad["faults"][1]["snippet"].as_str().unwrap().contains('^'));
    let elsewhere = check("strategy: {name: Py, timeframe: 1h, entry_point: 'a.b:C'}").await;
    assert!(elsewhere["valid"] == true && elsewhere["note"].as_str().unwrap().contains("a.b:C"));
    // JSON is YAML.
    let json = r#"{"strategy": {"name": "Dip", "timeframe": "5m"},
	"signals": {"indicators": {"rsi": {"indicator": "rsi"}}, "entry": [{"when": "rsi < 30"}]}}"#;
    assert_eq!(world.post("strategies/validate", json).await.expect(200)["valid"], true);
    assert_eq!(
        world.get("strategies").await.json()["items"].as_array().unwrap().len(),
        6,
        "nothing is stored"
    );
}

#[tokio::test]
async fn the_language_is_described() {
    let world = World::new();
    let schema = world.get("strategies/schema").await;
    assert_eq!(schema.header("content-type"), "application/schema+json");
    assert!(schema.json()["properties"]["signals"].is_object());
    let indicators = world.get("indicators").await.expect(200);
    let items = indicators["items"].as_array().unwrap();
    assert_eq!(items.len(), tradai_strategy::indicators::catalogue().len());
    let bbands = items.iter().find(|item| item["name"] == "bbands").unwrap();
    assert_eq!(bbands["inputs"], json!(["close"]));
    assert_eq!(bbands["parameters"][0]["name"], "timeperiod");
    assert!(bbands["parameters"][0]["default"].is_u64() && bbands["outputs"].as_array().unwrap().len() == 3);
}

#[tokio::test]
async fn it_is_ready_and_says_what_it_stands_on() {
    let world = World::new();
    let ready = world.get("ready").await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    let health = world.get("health").await.text;
    assert!(health.contains("state") && health.contains("strategies"), "{health}");
    std::fs::remove_dir_all(world.strategies()).unwrap();
    // Strategies that ship are there without the folder, but nobody must think that all are.
    assert_eq!(world.get("ready").await.status, 200);
    assert_eq!(world.get("strategies").await.problem().0, 503);
}
