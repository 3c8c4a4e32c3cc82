//! Server-sent events as they come: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use tradai_http_client::reqwest::Response;

/// Bytes of one event.
const MAX_EVENT: usize = 1024 * 1024;

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Events {
    response: Response,
    parser: Parser,
}

impl Events {
    pub(super) fn new(response: Response) -> Self {
        Self { response, parser: Parser::default() }
    }

    /// Returns the data of the next event; `None` when the stream has ended, or broke. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(data) = self.parser.next() {
                return Some(data);
            }
            if self.parser.held() > MAX_EVENT {
                return None;
            }
            let chunk = self.response.chunk().await.ok()??;
            self.parser.buffer.extend_from_slice(&chunk);
        }
    }
}

/// Takes events out of bytes.
#[derive(Debug, Default)]
struct Parser {
    /// What came and was not looked at.
    buffer: Vec<u8>,
    /// Lines of data of the event that is under way.
    data: Vec<String>,
}

impl Parser {
    /// Returns how many bytes wait for the end of an event.
    fn held(&self) -> usize {
        self.buffer.len() + self.data.iter().map(String::len).sum::<usize>()
    }

    /// Returns the data of the next event that is there whole. Comments and fields other than `data` are passed over.
    fn next(&mut self) -> Option<String> {
        while let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if !self.data.is_empty() {
                    return Some(std::mem::take(&mut self.data).join("\n"));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_however_the_bytes_come() {
        let stream =
            "retry: 1000\n\n: hello\r\nid: 1\r\nevent: state\r\ndata: {\"a\":1}\r\n\r\ndata:x\ndata: y\n\n";
        let mut parser = Parser::default();
        let mut found = Vec::new();
        for byte in stream.bytes() {
            parser.buffer.push(byte);
            found.extend(parser.next());
        }
        assert_eq!(found, ["{\"a\":1}", "x\ny"]);
        parser.buffer.extend_from_slice(b"data: not whole\n");
        assert_eq!(parser.next(), None);
    }
}
