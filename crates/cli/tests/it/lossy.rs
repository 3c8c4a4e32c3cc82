//! A way to a service on which answers get lost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Passes requests on, and breaks the first connections instead of passing the answers back.
pub(crate) struct Lossy {
    pub(crate) url: String,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Lossy {
    /// Listens before a service, and loses as many answers of it.
    pub(crate) fn before(service: &str, losses: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (service, keys) = (service.strip_prefix("http://").unwrap().to_owned(), Arc::default());
        let noted = Arc::clone(&keys);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
                pass(client, &service, number < losses, &noted);
            }
        });
        Self { url, keys }
    }

    /// Returns the idempotency keys that came, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.keys.lock().unwrap().clone()
    }
}

/// Has one request answered; one connection is one request.
fn pass(mut client: TcpStream, service: &str, is_lost: bool, keys: &Mutex<Vec<String>>) {
    let request = request(&mut client);
    let (line, rest) = request.split_once("\r\n").unwrap();
    keys.lock().unwrap().extend(header(rest, "idempotency-key"));
    let mut stream = TcpStream::connect(service).unwrap();
    write!(stream, "{line}\r\nConnection: close\r\n{rest}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    if !is_lost {
        client.write_all(&answer).unwrap();
    }
}

/// Reads a request, with its body.
fn request(client: &mut TcpStream) -> String {
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    loop {
        let read = client.read(&mut chunk).unwrap();
        text.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            return text;
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}
