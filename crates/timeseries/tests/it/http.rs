//! A small HTTP server for answers that no real storage gives when asked to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A request as it came over the wire.
pub(crate) struct Request {
    /// Method and target: `GET /bucket/key`.
    pub(crate) line: String,
    headers: String,
    body: Vec<u8>,
}

impl Request {
    fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let (mut headers, mut length) = (String::new(), 0);
        loop {
            let mut header = String::new();
            from.read_line(&mut header).ok()?;
            let (name, value) = header.split_once(':').unwrap_or(("", ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
            match header.trim() {
                "" => break,
                // Each request has a connection of its own, to keep the server small.
                _ if name.eq_ignore_ascii_case("connection") => {}
                _ => headers.push_str(&header),
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body).ok()?;
        let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        (!line.is_empty()).then_some(Self { line, headers, body })
    }

    /// Sends the request to a server, `http://127.0.0.1:PORT`, and returns its whole answer.
    pub(crate) fn forward(&self, server: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(server.trim_start_matches("http://")).unwrap();
        write!(stream, "{} HTTP/1.1\r\n{}Connection: close\r\n\r\n", self.line, self.headers).unwrap();
        stream.write_all(&self.body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }
}

/// Makes a request without headers or body and returns the answer's status.
pub(crate) fn send(server: &str, line: &str) -> u16 {
    let host = server.trim_start_matches("http://");
    let headers = format!("Host: {host}\r\nContent-Length: 0\r\n");
    let answer = Request { line: line.to_owned(), headers, body: Vec::new() }.forward(server);
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// An answer of S3's with an error in it.
pub(crate) fn error(status: &str, code: &str, more: &str) -> Vec<u8> {
    answer(status, &format!("<Error><Code>{code}</Code><Message>No.</Message>{more}</Error>"))
}

/// An answer to a list: nothing there.
pub(crate) fn empty_list() -> Vec<u8> {
    answer(
        "200 OK",
        "<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys>\
         <IsTruncated>false</IsTruncated></ListBucketResult>",
    )
}

pub(crate) fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

/// Starts a server and returns its URL. An answer of `None` breaks the connection. It ends with the process.
pub(crate) fn serve(answers: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(answers);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || {
                let Some(request) = Request::read(&mut BufReader::new(&stream)) else { return };
                if let Some(answer) = answers(&request) {
                    // The client may be gone; that is its own affair.
                    drop((&stream).write_all(&answer));
                }
            });
        }
    });
    url
}
