//! An exchange of a few fixed answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tradai_domain::{ManualClock, Millis};
use tradai_exchange::Credentials;
use tradai_exchange::client::Client;

use super::support::Virtual;

pub(crate) type Query = BTreeMap<String, String>;

/// Answers requests and keeps what they asked for; those that change something are told by their method.
pub(crate) struct Venue {
    url: String,
    pub(crate) clock: Arc<ManualClock>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Venue {
    pub(crate) async fn new(now: Millis, answer: fn(&str, &Query) -> Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let named = head.to_ascii_lowercase();
                let length = named.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                stream.read_exact(&mut body).await.unwrap();
                let request = head.split(" HTTP").next().unwrap();
                let target = request.strip_prefix("GET ").unwrap_or(request);
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                kept.lock().unwrap().push(target.to_owned());
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                let query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let body = answer(path, &query).to_string();
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        });
        Self { url, clock: Arc::new(ManualClock::at(now)), seen }
    }

    pub(crate) fn client(&self, key: &str) -> Client {
        let clock = self.clock.clone();
        let timer = Arc::new(Virtual::new(clock.clone()));
        let credentials = Credentials::new("key", "secret").with_passphrase("passphrase");
        let builder = Client::builder(key, clock).unwrap().base_url(self.url.as_str()).timer(timer);
        builder.credentials(credentials).build().unwrap()
    }

    pub(crate) fn asked(&self, path: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|target| target.starts_with(path)).count()
    }
}
