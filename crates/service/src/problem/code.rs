//! The list of problems that a client can meet: one code each.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};
use tradai_domain::ErrorKind;

macro_rules! codes {
    ($($variant:ident $id:literal $status:ident $title:literal $meaning:literal)*) => {
        /// What went wrong, in families: `VAL` the request, `AUTH` the caller, `RES` the resource, `EXT` something
        /// that the service needs, `SYS` the service itself.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code, by family and number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the code as clients see it.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Returns the HTTP status that it is sent with.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// Returns its name for people, the same on every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Returns what it means and what to do.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    Malformed "VAL001" BAD_REQUEST "Malformed request"
        "The request cannot be read, for example broken JSON; `detail` says where."
    InvalidField "VAL002" UNPROCESSABLE_ENTITY "Invalid value"
        "The request can be read, but values are missing, unknown or not allowed; `errors` names each."
    UnsupportedMediaType "VAL003" UNSUPPORTED_MEDIA_TYPE "Unsupported media type"
        "Bodies are `application/json`; say so in `Content-Type`."
    BodyTooLarge "VAL004" PAYLOAD_TOO_LARGE "Body too large"
        "The body is larger than this service takes; `detail` names the limit."
    SlowRequest "VAL005" REQUEST_TIMEOUT "Request too slow"
        "The body did not arrive in time; send it again."
    KeyReused "VAL006" UNPROCESSABLE_ENTITY "Idempotency key reused"
        "The same `Idempotency-Key` came with another request within 24 hours; use a new key."
    Unauthenticated "AUTH001" UNAUTHORIZED "Not authenticated"
        "No key came with the request, or one that is not known."
    Forbidden "AUTH002" FORBIDDEN "Not allowed"
        "The caller is known, but may not do this."
    NotFound "RES001" NOT_FOUND "Not found"
        "What was asked for does not exist."
    Conflict "RES002" CONFLICT "Conflict"
        "It exists already, or somebody else changed it first; read again, then decide."
    NoRoute "RES003" NOT_FOUND "No such address"
        "The service has nothing at this path; `/docs` lists what there is."
    MethodNotAllowed "RES004" METHOD_NOT_ALLOWED "Method not allowed"
        "The path exists, but not for this method; the header `Allow` lists the ones that do."
    PreconditionFailed "RES005" PRECONDITION_FAILED "Precondition failed"
        "`If-Match` names a version that is not the current one; read again, then decide."
    InFlight "RES006" CONFLICT "Still in progress"
        "A request with the same `Idempotency-Key` is being answered; ask again later."
    Unavailable "EXT001" SERVICE_UNAVAILABLE "Dependency unavailable"
        "Something that the service needs could not be reached; try again after `Retry-After`."
    UpstreamTimeout "EXT002" GATEWAY_TIMEOUT "Dependency timed out"
        "Something that the service needs did not answer in time; try again if repeating is safe."
    Internal "SYS001" INTERNAL_SERVER_ERROR "Internal error"
        "A fault of the service; report it with `trace_id`."
    Timeout "SYS002" GATEWAY_TIMEOUT "Timed out"
        "The service did not finish in time; it may still have acted."
    Overloaded "SYS003" SERVICE_UNAVAILABLE "Overloaded"
        "Too many requests at once; try again after `Retry-After`."
    RateLimited "SYS004" TOO_MANY_REQUESTS "Too many requests"
        "This client sends too many requests; try again after `Retry-After`."
    DataCorrupt "SYS005" INTERNAL_SERVER_ERROR "Stored data damaged"
        "Stored bytes are not what they must be; repeating cannot help."
    NotReady "SYS006" SERVICE_UNAVAILABLE "Not ready"
        "A dependency fails or the service is stopping; `errors` names each."
}

impl Code {
    /// The one mapping from what a caller should do about an error to what an HTTP client sees.
    #[must_use]
    pub fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::InvalidField,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Data => Self::DataCorrupt,
            ErrorKind::Unavailable => Self::Unavailable,
            _ => Self::Internal,
        }
    }

    /// The code of an answer that is no problem document, such as a rejection of axum's own.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::SlowRequest,
            StatusCode::CONFLICT => Self::Conflict,
            StatusCode::PRECONDITION_FAILED => Self::PreconditionFailed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => Self::InvalidField,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            StatusCode::GATEWAY_TIMEOUT => Self::Timeout,
            status if status.is_client_error() => Self::Malformed,
            _ => Self::Internal,
        }
    }

    /// True if `detail` may come from an error's own text: it speaks about the request, not about us.
    pub(crate) fn is_callers_fault(self) -> bool {
        self.status().is_client_error()
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
