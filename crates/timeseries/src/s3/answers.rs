//! Error answers, as object_store should see them.

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::{ClientOptions, Result};

/// "Conflict", and "service unavailable".
const CONFLICT: u16 = 409;
const UNAVAILABLE: u16 = 503;

/// Most characters that are kept of an answer that is not S3's XML.
const MAX_CHARS: usize = 300;

/// Connects as object_store does, and tidies error answers up.
///
/// The body becomes its code and message: object_store puts bodies into its errors, and S3's quote the request when
/// a signature does not match, with the session token in it, and are a screen of XML.
///
/// A conflict becomes an unavailable service, which is sent again. S3 answers a creation so when something else
/// happens to the object at that moment, and asks to try again; object_store would say that there is an object.
#[derive(Debug)]
pub(super) struct TidyAnswers;

impl HttpConnector for TidyAnswers {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(TidyService(client)))
    }
}

#[derive(Debug)]
struct TidyService(HttpClient);

#[async_trait]
impl HttpService for TidyService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.execute(request).await?;
        if !response.status().is_client_error() && !response.status().is_server_error() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        if parts.status.as_u16() == CONFLICT
            && let Ok(unavailable) = UNAVAILABLE.try_into()
        {
            parts.status = unavailable;
        }
        let body = body.bytes().await?;
        Ok(HttpResponse::from_parts(parts, terse(&String::from_utf8_lossy(&body)).into()))
    }
}

/// Returns "code: message" of S3's XML, or the beginning of any other text.
fn terse(body: &str) -> String {
    match (element(body, "Code"), element(body, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => body.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect(),
    }
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_messages_are_kept_and_quoted_requests_are_not() {
        let body = "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not \
                    match.</Message><CanonicalRequest>x-amz-security-token:hush</CanonicalRequest></Error>";
        assert_eq!(terse(body), "SignatureDoesNotMatch: The signature does not match.");
        assert_eq!(terse("<Error><Code>SlowDown</Code></Error>"), "SlowDown");
        assert_eq!(terse("<html>\n<b>Bad Gateway"), "<html><b>Bad Gateway");
        assert_eq!(terse(&"ä".repeat(1_000)).chars().count(), MAX_CHARS);
    }
}
