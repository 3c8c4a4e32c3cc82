//! What every HTTP client of the platform has in common: that of the exchanges, of other services, of key servers and
//! trace collectors, of the command line.
//!
//! [`builder`] has what must never differ between them; timeouts, credentials, headers and repetitions are the matter of
//! whoever asks. Buckets are not among them: `object_store` brings a client of its own. Websockets take [`tls`] alone.
//! `reqwest` is used through here ([`reqwest`]), so that its features are chosen once.
//!
//! Invariant: credentials go to the address that they were meant for and nowhere else, a request is sent once, and a
//! reply takes no more memory than was allowed.

use std::error::Error as StdError;
use std::sync::Arc;

pub use reqwest;
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Response};
pub use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring;
use tradai_domain::ErrorKind;

/// Why there is no client, or no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The providers of cryptography fit no version of TLS.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The reply goes on beyond what was allowed.
    #[error("the reply is longer than the {most} bytes that are allowed")]
    TooLong {
        /// How much was allowed.
        most: usize,
    },
    /// The reply ended too early, or cannot be decompressed. Names no address.
    #[error("the reply broke off")]
    Broken(#[source] reqwest::Error),
}

impl Error {
    /// Returns what a caller should do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Tls(_) => ErrorKind::Internal,
            Self::TooLong { .. } => ErrorKind::Data,
            Self::Broken(_) => ErrorKind::Unavailable,
        }
    }
}

/// Returns TLS by ring with the roots of Mozilla's list, whatever else the binary links.
///
/// # Errors
/// [`Error::Tls`].
pub fn tls() -> Result<ClientConfig, Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Returns the beginning of a client. It follows no redirect, which would take credentials along; repeats nothing by
/// itself; and asks directly, whatever the environment says of proxies.
///
/// # Errors
/// [`Error::Tls`].
pub fn builder() -> Result<ClientBuilder, Error> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("tradai/", env!("CARGO_PKG_VERSION")));
    Ok(builder)
}

/// Reads a body of at most `most` bytes, after decompression.
///
/// # Errors
/// [`Error::TooLong`], for which no more than `most` bytes were read; [`Error::Broken`].
pub async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Error> {
    if response
        .content_length()
        .is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > most))
    {
        return Err(Error::TooLong { most });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::Broken(error.without_url()))? {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(Error::TooLong { most });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns an error's text and its sources', for logs.
#[must_use]
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    /// The address of a server that gives every request the same answer.
    fn server(answer: impl Into<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, answer) = (format!("http://{}", listener.local_addr().unwrap()), answer.into());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                // A client that has read enough goes away.
                stream.write_all(answer.as_bytes()).ok();
            }
        });
        address
    }

    async fn get(address: &str) -> Response {
        builder().unwrap().build().unwrap().get(address).bearer_auth("hush").send().await.unwrap()
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_takes_no_credentials_along() {
        let elsewhere = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let address =
            server(format!("HTTP/1.1 307 Go\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n"));
        assert_eq!(get(&address).await.status(), 307);
    }

    #[tokio::test]
    async fn a_reply_is_read_up_to_its_bound() {
        let ends = "x".repeat(1_000);
        let declared = server(format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{ends}"));
        let endless = server(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{ends}"));
        for address in [declared, endless] {
            assert_eq!(read(get(&address).await, 1_000).await.unwrap().len(), 1_000);
            let refused = read(get(&address).await, 999).await.unwrap_err();
            assert!(matches!(refused, Error::TooLong { most: 999 }), "{refused}");
            assert_eq!(refused.kind(), ErrorKind::Data);
        }
    }

    #[tokio::test]
    async fn what_breaks_off_names_no_address() {
        let address = server("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx");
        let response = get(&format!("{address}/secret")).await;
        let broken = read(response, 999).await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::Unavailable);
        assert!(!chain(&broken).contains("secret"), "{}", chain(&broken));
    }
}
