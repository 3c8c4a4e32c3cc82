//! Spot's WebSocket API, and keys that are pairs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tradai_sandbox::ApiKey;

use crate::sockets::Socket;
use crate::support::{DAY, Running, START, settings};

const NOW: i64 = START + 2 * DAY;

/// A pair made for these tests; its other half signed [`RSA_SIGNATURE`] and was thrown away.
const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4KdRg/OOs5Eb9NobsNFc\nV3BYydobxDAJhUIjhXYWAZKWpgjC/YCaNSvDWQT+Jb0oqPVs89z6bGY9OM4UPM2y\n37R/DgRuROGY9i/YhtN4RroCd2+gEwcqVhJ5n+nHNlvue8sgXPTcjF5t5ckNTjFl\noXUiSJ+5VPLikVR9bKtS9FJ2pZa2m2pB9/To7ohB6+J/aTBn+GdAItCcOBhnZL1T\n/4bK25r0bQgo+WTN9Ejk0JQNVf2y4bT8nck8MRoR/cu/3W8Gy2oWtHbypJgj70Wf\nJ2LmDlj9lwGEFsywHy+XBcFHYbW4RRIa1PjDW8IvqpIjBz5QdjifrwKBVXyCVxyo\nNwIDAQAB\n-----END PUBLIC KEY-----";
/// Of `omitZeroBalances=true&timestamp=1704240000000`.
const RSA_SIGNATURE: &str = "oVZSfyteT6+DeGoGrvNP591evtBTOxmQl78juchtDk9v3zAjAlDtlgWvoG40VHcnjyoZw+kbXW3O3L76Na2eQppaqOo2X1RaCxYZK2gGGd5X5uM7hYQ9G5XHed/LqTVidJfSL0fWxtoJYTllCWMBDVhmXouXht0Z16eNbpW6gzbRoiSwYmzYuSPgPaX/0Znp8Uf7ei6PsFQnJH3J8Pvg7Rpp4XLRhPCVaFR137Ql95T1fiJRwn7NF+85RwOp7mPs2MsK8IDO5V9FBZUc9eq1iK4FgnfXP3GRYBLcHhNYgopY1NVPzejf21VQ1vShpjSSSaRgfIKP+ZxX7NuWPqo5Gw==";

fn ed25519() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

/// Starts a sandbox that knows an Ed25519 and an RSA key besides the usual one.
fn start() -> Running {
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend_from_slice(ed25519().public_key().as_ref());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der));
    let mut settings = settings();
    settings.keys.push(ApiKey { key: "pair".to_owned(), secret: pem });
    settings.keys.push(ApiKey { key: "rsa".to_owned(), secret: RSA_PUBLIC.to_owned() });
    Running::start(settings)
}

/// Returns parameters with key, time and signature.
fn signed(mut params: Value, key: &str) -> Value {
    params["apiKey"] = json!(key);
    params["timestamp"] = json!(NOW);
    let mut pairs: Vec<String> = params
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    pairs.sort();
    let payload = pairs.join("&");
    params["signature"] = json!(match key {
        "pair" => BASE64.encode(ed25519().sign(payload.as_bytes())),
        _ => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"sandbox-secret");
            let tag = ring::hmac::sign(&key, payload.as_bytes());
            tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        }
    });
    params
}

fn buy(client_id: &str) -> Value {
    json!({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1", "newClientOrderId": client_id})
}

fn ask(socket: &mut Socket, method: &str, params: &Value) -> Value {
    socket.ask(&json!({"id": method, "method": method, "params": params}))
}

#[test]
fn a_session_logs_on_trades_and_hears_of_it() {
    let running = start();
    let mut socket = Socket::open(&running, "/ws-api/v3");
    let refused = ask(&mut socket, "userDataStream.subscribe", &json!({}));
    assert_eq!((refused["status"].as_i64(), refused["error"]["code"].as_i64()), (Some(401), Some(-1002)));
    let refused = ask(&mut socket, "session.logon", &signed(json!({}), "sandbox-key"));
    assert_eq!(refused["error"], json!({"code": -4056, "msg": "HMAC_SHA256 API key is not supported."}));
    let logged_on = ask(&mut socket, "session.logon", &signed(json!({}), "pair"));
    assert_eq!((&logged_on["status"], &logged_on["result"]["apiKey"]), (&json!(200), &json!("pair")));
    let subscribed = ask(&mut socket, "userDataStream.subscribe", &json!({}));
    assert_eq!(subscribed["result"], json!({"subscriptionId": 0}));
    let mut order = buy("mine");
    order["timestamp"] = json!(NOW);
    let placed = ask(&mut socket, "order.place", &order);
    assert_eq!(placed["result"]["status"], "FILLED", "{placed}");
    let events: Vec<Value> = socket.all().into_iter().filter(|frame| frame["subscriptionId"] == 0).collect();
    let told: Vec<(&str, &str)> = events
        .iter()
        .filter(|event| event["event"]["e"] == "executionReport")
        .map(|event| (event["event"]["x"].as_str().unwrap(), event["event"]["X"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("NEW", "NEW"), ("TRADE", "FILLED")]);
    let held = events.iter().rfind(|event| event["event"]["e"] == "outboundAccountPosition").unwrap();
    let account = running.signed("GET", "/api/v3/account", "omitZeroBalances=true").1;
    for row in held["event"]["B"].as_array().unwrap() {
        let balances = account["balances"].as_array().unwrap();
        let known = balances.iter().find(|balance| balance["asset"] == row["a"]).unwrap();
        assert_eq!((&row["f"], &row["l"]), (&known["free"], &known["locked"]));
    }
    assert_eq!(ask(&mut socket, "userDataStream.unsubscribe", &json!({}))["result"], json!({}));
    assert_eq!(ask(&mut socket, "session.logout", &json!({}))["result"]["apiKey"], Value::Null);
}

#[test]
fn calls_are_those_of_rest() {
    let running = start();
    let mut socket = Socket::open(&running, "/ws-api/v3");
    let depth = ask(&mut socket, "depth", &json!({"symbol": "BTCUSDT", "limit": 5}));
    assert_eq!(depth["result"], running.get("/api/v3/depth?symbol=BTCUSDT&limit=5"));
    for key in ["sandbox-key", "pair"] {
        let placed = ask(&mut socket, "order.place", &signed(buy(key), key));
        assert_eq!(placed["status"], 200, "{placed}");
        let asked = signed(json!({"symbol": "BTCUSDT", "origClientOrderId": key}), key);
        let found = ask(&mut socket, "order.status", &asked)["result"].clone();
        let by_rest =
            running.signed("GET", "/api/v3/order", &format!("symbol=BTCUSDT&origClientOrderId={key}")).1;
        assert_eq!(found, by_rest);
        let canceled = ask(&mut socket, "order.cancel", &asked);
        assert_eq!((&canceled["status"], &canceled["error"]["code"]), (&json!(400), &json!(-2011)));
    }
    let mut forged = signed(buy("forged"), "pair");
    forged["quantity"] = json!("0.2");
    assert_eq!(ask(&mut socket, "order.place", &forged)["error"]["code"], -1022);
    assert_eq!(ask(&mut socket, "order.wish", &json!({}))["status"], 404);
    assert_eq!(running.get("/_sandbox/ledger")["ok"], true);
}

#[test]
fn faults_strike_calls_and_user_streams_of_sockets() {
    let running = start();
    let mut socket = Socket::open(&running, "/ws-api/v3");
    let subscribed =
        ask(&mut socket, "userDataStream.subscribe.signature", &signed(json!({}), "sandbox-key"));
    assert_eq!(subscribed["result"]["subscriptionId"], 0);
    running.admin(
        "faults",
        r#"[
        {"path": "/api/v3/order", "method": "POST", "count": 1, "fault": {"kind": "unknown_state"}},
        {"path": "user", "count": 1, "fault": {"kind": "drop_frame"}}]"#,
    );
    let unknown = ask(&mut socket, "order.place", &signed(buy("lost"), "sandbox-key"));
    assert_eq!((unknown["status"].as_i64(), unknown["error"]["code"].as_i64()), (Some(500), Some(-1007)));
    let found = running.signed("GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=lost").1;
    assert_eq!(found["status"], "FILLED");
    let reports = socket.all().into_iter().filter(|frame| frame["event"]["e"] == "executionReport");
    assert_eq!(
        reports.map(|frame| frame["event"]["x"].clone()).collect::<Vec<_>>(),
        ["TRADE"],
        "NEW was lost"
    );
}

#[test]
fn an_rsa_key_signs_requests() {
    let running = start();
    let percent: String = RSA_SIGNATURE.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let asked = |params: &str| {
        let target = format!("/api/v3/account?{params}&timestamp={NOW}&signature={percent}");
        running.send_as("rsa", "GET", &target).0
    };
    assert_eq!(asked("omitZeroBalances=true"), 200);
    assert_eq!(asked("omitZeroBalances=false"), 400);
}

#[test]
fn a_public_key_that_is_none_is_refused() {
    for secret in ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----"]
    {
        let mut settings = settings();
        settings.keys.push(ApiKey { key: "odd".to_owned(), secret: secret.to_owned() });
        let problem =
            tradai_sandbox::build(settings, std::sync::Arc::new(tradai_domain::SystemClock)).unwrap_err();
        assert!(problem.to_string().contains("odd"), "{problem}");
    }
}
