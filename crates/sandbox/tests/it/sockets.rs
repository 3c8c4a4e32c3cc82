//! Websockets, spoken by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Running, settings};

/// A client that reads one frame at a time.
pub(crate) struct Socket(TcpStream);

/// What came in.
#[derive(Debug, PartialEq)]
enum Frame {
    Json(Value),
    Ping(Vec<u8>),
    Close(u16),
    /// The connection ended.
    End,
    /// Nothing for as long as one waits.
    Silence,
}

impl Socket {
    pub(crate) fn open(running: &Running, target: &str) -> Self {
        let mut stream = TcpStream::connect(running.address).unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: sandbox\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        stream.set_read_timeout(Some(Duration::from_millis(1_500))).unwrap();
        Self(stream)
    }

    /// Sends a frame under a mask of zeros.
    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![0x80 | opcode, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).unwrap();
    }

    pub(crate) fn ask(&mut self, message: &Value) -> Value {
        self.send(1, message.to_string().as_bytes());
        loop {
            match self.next() {
                Frame::Json(reply) if reply["id"] == message["id"] => return reply,
                Frame::Json(_) | Frame::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn next(&mut self) -> Frame {
        let mut head = [0; 2];
        if let Err(error) = self.0.read_exact(&mut head) {
            let is_silence = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            return if is_silence { Frame::Silence } else { Frame::End };
        }
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                self.0.read_exact(&mut long).unwrap();
                usize::from(u16::from_be_bytes(long))
            }
            127 => {
                let mut long = [0; 8];
                self.0.read_exact(&mut long).unwrap();
                usize::try_from(u64::from_be_bytes(long)).unwrap()
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        match head[0] & 0x0f {
            1 => Frame::Json(serde_json::from_slice(&payload).unwrap()),
            9 => Frame::Ping(payload),
            8 => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
            opcode => panic!("opcode {opcode}"),
        }
    }

    /// Returns frames until there are no more for a while.
    pub(crate) fn all(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            match self.next() {
                Frame::Json(frame) => all.push(frame),
                Frame::Ping(payload) => self.send(10, &payload),
                _ => return all,
            }
        }
    }
}

#[test]
fn closed_candles_are_told_once_and_are_those_of_rest() {
    let running = Running::start(settings());
    let mut socket = Socket::open(&running, "/stream?streams=btcusdt@kline_5m/btcusdt@kline_1h");
    let since = running.sandbox.now();
    running.admin("clock", r#"{"advance_ms": 61200000}"#);
    let frames = socket.all();
    for (interval, count) in [("5m", 204), ("1h", 17)] {
        let closed: Vec<&Value> = frames
            .iter()
            .map(|frame| &frame["data"]["k"])
            .filter(|k| k["i"] == interval && k["x"] == true)
            .collect();
        assert_eq!(closed.len(), count, "{interval}");
        let rows =
            running.get(&format!("/api/v3/klines?symbol=BTCUSDT&interval={interval}&startTime={since}"));
        for (candle, row) in closed.iter().zip(rows.as_array().unwrap()) {
            let told = json!([
                candle["t"],
                candle["o"],
                candle["h"],
                candle["l"],
                candle["c"],
                candle["v"],
                candle["T"],
                candle["q"],
                candle["n"],
                candle["V"],
                candle["Q"]
            ]);
            assert_eq!(told, Value::Array(row.as_array().unwrap()[..11].to_vec()));
        }
    }
}

#[test]
fn trades_have_no_holes_and_books_follow_their_snapshot() {
    let running = Running::start(settings());
    let mut socket = Socket::open(&running, "/ws");
    let subscribed = socket.ask(&json!({"method": "SUBSCRIBE", "id": 7,
        "params": ["btcusdt@aggTrade", "btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@miniTicker", "nope@trade"]}));
    assert_eq!(subscribed, json!({"result": null, "id": 7}));
    let listed = socket.ask(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 8}));
    assert_eq!(listed["result"].as_array().map(Vec::len), Some(5));
    let snapshot = running.get("/api/v3/depth?symbol=BTCUSDT&limit=5000");
    let mut book = snapshot["lastUpdateId"].as_u64().unwrap();
    for _ in 0..5 {
        running.admin("clock", r#"{"advance_ms": 60000}"#);
        std::thread::sleep(Duration::from_millis(60));
    }
    let frames = socket.all();
    let ids: Vec<i64> =
        frames.iter().filter(|f| f["e"] == "aggTrade").map(|f| f["a"].as_i64().unwrap()).collect();
    assert!(ids.len() > 10 && ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    for diff in frames.iter().filter(|frame| frame["e"] == "depthUpdate") {
        assert_eq!(diff["U"].as_u64(), Some(book + 1));
        book = diff["u"].as_u64().unwrap();
    }
    let last = running.get("/api/v3/depth?symbol=BTCUSDT&limit=1");
    assert_eq!(last["lastUpdateId"].as_u64(), Some(book));
    assert!(frames.iter().any(|frame| frame["e"] == "24hrMiniTicker"));
    let ticker = frames.iter().rfind(|frame| frame["B"].is_string() && frame["e"].is_null()).unwrap();
    assert_eq!(ticker["b"], last["bids"][0][0]);
    let error = socket.ask(&json!({"method": "WISH", "id": 9}));
    assert_eq!(error["error"]["code"], 2);
}

#[test]
fn orders_are_told_on_the_user_stream_until_its_key_expires() {
    let running = Running::start(settings());
    let key = running.json("POST", "/fapi/v1/listenKey", "").1["listenKey"].as_str().unwrap().to_owned();
    let mut socket = Socket::open(&running, &format!("/private/ws?listenKey={key}"));
    let (_, order) = running.signed(
        "POST",
        "/fapi/v1/order",
        "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newClientOrderId=u",
    );
    assert_eq!(order["status"], "NEW", "{order}");
    let frames = socket.all();
    let told: Vec<(&str, &str)> = frames
        .iter()
        .filter(|frame| frame["e"] == "ORDER_TRADE_UPDATE")
        .map(|frame| (frame["o"]["x"].as_str().unwrap(), frame["o"]["X"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("NEW", "NEW"), ("TRADE", "FILLED")]);
    assert!(frames.iter().any(|frame| frame["e"] == "ACCOUNT_UPDATE" && frame["a"]["P"][0]["pa"] != "0"));
    running.admin("clock", r#"{"advance_ms": 3600000}"#);
    assert!(socket.all().iter().any(|frame| frame["e"] == "listenKeyExpired"));
}

#[test]
fn sockets_end_after_a_day_or_at_a_shutdown() {
    let running = Running::start(settings());
    let mut old = Socket::open(&running, "/ws/btcusdt@kline_1h");
    running.admin("clock", r#"{"advance_ms": 86400000}"#);
    let end =
        std::iter::repeat_with(|| old.next()).find(|frame| !matches!(frame, Frame::Json(_) | Frame::Ping(_)));
    assert_eq!(end, Some(Frame::Close(1_001)));
    let mut young = Socket::open(&running, "/ws/btcusdt@kline_1h");
    running.admin("shutdown-sockets", "");
    assert_eq!(young.next(), Frame::Json(json!({"e": "serverShutdown", "E": running.sandbox.now()})));
    assert_eq!(young.next(), Frame::Close(1_001));
}

#[test]
fn sockets_stall_lose_repeat_and_break() {
    let frames = |fault: &str| {
        let running = Running::start(settings());
        running.admin("faults", &format!(r#"[{{"method": "WS", "path": "btcusdt@*", "skip": 1, "count": 1, "fault": {{"kind": "{fault}"}}}}]"#));
        let mut socket = Socket::open(&running, "/ws/btcusdt@trade");
        running.admin("clock", r#"{"advance_ms": 300000}"#);
        let ids: Vec<i64> = socket.all().iter().map(|frame| frame["t"].as_i64().unwrap()).collect();
        let last = socket.next();
        (ids, last)
    };
    let (sound, _) = frames("never_closed");
    assert_eq!(sound.len(), 13);
    assert_eq!(frames("drop_frame"), ([&sound[..1], &sound[2..]].concat(), Frame::Silence));
    assert_eq!(frames("duplicate_frame"), ([&sound[..2], &sound[1..]].concat(), Frame::Silence));
    assert_eq!(frames("stall"), (sound[..1].to_vec(), Frame::Silence));
    assert_eq!(frames("cut"), (sound[..1].to_vec(), Frame::End));
}

#[test]
fn those_who_shout_are_cut_off() {
    let running = Running::start(settings());
    let mut socket = Socket::open(&running, "/ws");
    for id in 0..14 {
        socket.send(1, json!({"method": "LIST_SUBSCRIPTIONS", "id": id}).to_string().as_bytes());
    }
    let end = std::iter::repeat_with(|| socket.next())
        .find(|frame| !matches!(frame, Frame::Json(_) | Frame::Ping(_)));
    assert_eq!(end, Some(Frame::Close(1_008)));
}
