//! A sandbox on a port of its own, and a plain HTTP client that signs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ring::hmac;
use serde_json::Value;
use tokio::runtime::Runtime;
use tradai_domain::{Symbol, SystemClock, Timeframe};
use tradai_sandbox::{Sandbox, Settings, build, sample};

/// 2024-01-01.
pub(crate) const START: i64 = 1_704_067_200_000;
pub(crate) const DAY: i64 = 86_400_000;

/// A running sandbox; stops when dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) sandbox: Sandbox,
    runtime: Option<Runtime>,
}

/// Returns settings over ten days of made-up five-minute candles, with stepped time two days in.
pub(crate) fn settings() -> Settings {
    let symbols: Vec<Symbol> = ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"]
        .iter()
        .map(|symbol| symbol.parse().unwrap())
        .collect();
    let mut settings = Settings::new(sample(7, &symbols, Timeframe::M5, START, START + 10 * DAY));
    settings.start = Some(START + 2 * DAY);
    settings
}

impl Running {
    pub(crate) fn start(settings: Settings) -> Self {
        let sandbox = build(settings, Arc::new(SystemClock)).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let served = sandbox.clone();
        runtime.spawn(async move { served.serve(listener, std::future::pending()).await });
        Self { address, sandbox, runtime: Some(runtime) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a request and returns status, headers (lower case, a line each) and body; `Err` when the connection
    /// breaks first.
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        body: &str,
    ) -> std::io::Result<(u16, String, Vec<u8>)> {
        self.send_with("sandbox-key", method, target, body)
    }

    /// Sends a request under another API key.
    pub(crate) fn send_as(&self, key: &str, method: &str, target: &str) -> (u16, String, Vec<u8>) {
        self.send_with(key, method, target, "").unwrap()
    }

    fn send_with(
        &self,
        key: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> std::io::Result<(u16, String, Vec<u8>)> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: sandbox\r\nX-MBX-APIKEY: {key}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        let end = reply.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8(reply[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((status, head, reply[end + 4..].to_vec()))
    }

    /// Sends a request and leaves after a while; returns whether anything came until then.
    pub(crate) fn is_answered(&self, method: &str, target: &str, patience: Duration) -> bool {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(patience)).unwrap();
        let head =
            format!("{method} {target} HTTP/1.1\r\nHost: sandbox\r\nX-MBX-APIKEY: sandbox-key\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.read(&mut [0]).is_ok_and(|count| count > 0)
    }

    /// Sends a request and returns status and JSON.
    pub(crate) fn json(&self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let (status, _, body) = self.send(method, target, body).unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) fn get(&self, target: &str) -> Value {
        let (status, body) = self.json("GET", target, "");
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    /// Sends a signed request with the exchange's own time.
    pub(crate) fn signed(&self, method: &str, path: &str, params: &str) -> (u16, Value) {
        let target = self.sign(path, params, self.sandbox.now());
        self.json(method, &target, "")
    }

    pub(crate) fn sign(&self, path: &str, params: &str, timestamp: i64) -> String {
        let payload = format!("{params}&timestamp={timestamp}").trim_start_matches('&').to_owned();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"sandbox-secret");
        let tag = hmac::sign(&key, payload.as_bytes());
        let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{path}?{payload}&signature={signature}")
    }

    /// Posts JSON to an admin endpoint.
    pub(crate) fn admin(&self, what: &str, body: &str) -> Value {
        let (status, reply) = self.json("POST", &format!("/_sandbox/{what}"), body);
        assert_eq!(status, 200, "{what}: {reply}");
        reply
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
