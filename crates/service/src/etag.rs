//! Changing what nobody else has changed meanwhile: `ETag` and `If-Match`.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};

use crate::problem::{Code, FieldFault, Place, Problem};

/// The version of what a reply shows: put it into the reply, beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// Returns the tag of a version: a revision, a hash, an id. Whatever a tag must not hold is left out.
    #[must_use]
    pub fn new(version: &(impl ToString + ?Sized)) -> Self {
        let text = version.to_string();
        Self(text.chars().filter(|letter| letter.is_ascii_graphic() && *letter != '"').collect())
    }
}

impl IntoResponseParts for ETag {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Ok(value) = HeaderValue::try_from(format!("\"{}\"", self.0)) {
            response.headers_mut().insert(header::ETAG, value);
        }
        Ok(response)
    }
}

/// The version that a request means to change, from `If-Match`. As an argument it is mandatory; `Option<IfMatch>` is
/// not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Option<String>);

impl IfMatch {
    /// Returns the version, if it is one: tags that we never write are none, and match nothing.
    ///
    /// # Errors
    /// 412, when the tag cannot be one of ours.
    pub fn version<T: std::str::FromStr>(&self) -> Result<T, Problem> {
        let version = self.0.as_deref().and_then(|tag| tag.parse().ok());
        version.ok_or_else(|| Problem::new(Code::PreconditionFailed, Code::PreconditionFailed.meaning()))
    }

    /// Passes a request that means to change `current`.
    ///
    /// # Errors
    /// 412, when it means another version.
    pub fn check(&self, current: &ETag) -> Result<(), Problem> {
        if self.0.as_ref() == Some(&current.0) {
            return Ok(());
        }
        Err(Problem::new(Code::PreconditionFailed, Code::PreconditionFailed.meaning()))
    }

    fn of(parts: &Parts) -> Option<Self> {
        let value = parts.headers.get(header::IF_MATCH)?;
        let tag = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        Some(Self(tag.map(str::to_owned)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts).ok_or_else(|| {
            let reason = "is needed: the ETag of what is changed".to_owned();
            let pointer = "/If-Match".to_owned();
            Problem::fields(vec![FieldFault { place: Place::Header, pointer, reason }])
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(parts))
    }
}
