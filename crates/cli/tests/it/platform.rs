//! A platform in a process of its own, spoken to over its sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::program::Place;

/// `tradai up`; killed when dropped.
pub(crate) struct Platform {
    child: Child,
    /// What it said when it was up.
    pub(crate) started: Value,
}

/// What a service answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {} {text}", self.status))
    }
}

/// `tradai up` with arguments, on free ports unless they say otherwise.
pub(crate) fn command(place: &Place, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradai"));
    command
        .args(["--json", "up"])
        .args(arguments.split_whitespace())
        .current_dir(place.path())
        .env_remove("TRADAI_DATA_DIR")
        .env_remove("TRADAI_STORE")
        .env_remove("TRADAI_URL")
        .env_remove("LOG_LEVEL");
    command
}

impl Platform {
    /// Starts one on free ports and waits until it is up.
    pub(crate) fn start(place: &Place, arguments: &str) -> Self {
        Self::of(&mut command(place, &format!("--free-ports {arguments}")))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, started }
    }

    /// Where a service listens.
    pub(crate) fn url(&self, service: &str) -> &str {
        self.started["urls"][service].as_str().unwrap()
    }

    pub(crate) fn backend(&self) -> &str {
        self.url("backend")
    }

    /// Waits until it says something on its standard error, which the command must have piped.
    pub(crate) fn until_said(&mut self, text: &str) {
        let lines = BufReader::new(self.child.stderr.as_mut().unwrap()).lines();
        assert!(
            lines.map_while(Result::ok).any(|line| line.contains(text)),
            "it ended without saying `{text}`"
        );
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for its end, and returns its exit code; `None` when a signal ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn address_and_path(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

fn send(url: &str, head: &str, body: &str) -> TcpStream {
    let (address, path) = address_and_path(url);
    let mut stream = TcpStream::connect(address).unwrap();
    let (method, headers) = head.split_once('\n').unwrap_or((head, ""));
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream
}

fn request(url: &str, head: &str, body: &str) -> Reply {
    let mut reply = Vec::new();
    send(url, head, body).read_to_end(&mut reply).unwrap();
    let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&reply[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, body: reply.split_off(end + 4) }
}

pub(crate) fn get(url: &str) -> Reply {
    request(url, "GET", "")
}

/// With lines of the head, each with its end.
pub(crate) fn get_with(url: &str, headers: &str) -> Reply {
    request(url, &format!("GET\n{headers}"), "")
}

pub(crate) fn post(url: &str, body: &Value) -> Reply {
    request(url, "POST\nContent-Type: application/json\r\n", &body.to_string())
}

/// Sends the head of a request whose body never comes, and waits until a handler asks for it. It is under way until
/// the connection is dropped, or the service gives up on it.
pub(crate) fn unfinished(url: &str) -> TcpStream {
    let (address, path) = address_and_path(url);
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: \
         100-continue\r\n\r\n"
    )
    .unwrap();
    let mut asked = String::new();
    BufReader::new(&stream).read_line(&mut asked).unwrap();
    assert!(asked.starts_with("HTTP/1.1 100"), "{asked}");
    stream
}

/// Opens an event stream; the lines of it, as they come.
pub(crate) fn events(url: &str) -> impl Iterator<Item = String> {
    BufReader::new(send(url, "GET\nAccept: text/event-stream\r\n", "")).lines().map_while(Result::ok)
}
