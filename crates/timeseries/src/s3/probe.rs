//! Why a bucket cannot be used.

use object_store::ObjectStore;

use super::S3Settings;
use super::credentials::S3Credentials;
use crate::error::{Error, StorageProblem};

impl S3Settings {
    /// Checks that there is a bucket that we may list. A get cannot tell: it calls an object absent when the
    /// whole bucket is.
    pub(crate) async fn probe(&self, bucket: &dyn ObjectStore) -> Result<(), Error> {
        match bucket.list_with_delimiter(None).await {
            Ok(_) => Ok(()),
            Err(source) => Err(self.no_storage(source)),
        }
    }

    /// Says of the first error at a bucket what to do about it; any other error stays as it is.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error {
            Error::Storage { key, source } => match source.downcast::<object_store::Error>() {
                Ok(source) => self.no_storage(*source),
                Err(source) => Error::Storage { key, source },
            },
            other => other,
        }
    }

    fn no_storage(&self, source: object_store::Error) -> Error {
        let problem = self.problem(&chain_text(&source));
        Error::NoStorage { location: self.to_string(), problem, source: Box::new(source) }
    }

    /// Judges by the codes in S3's answers: the variants of `object_store::Error` do not tell them apart, and a
    /// failed list is always `Generic`.
    fn problem(&self, text: &str) -> StorageProblem {
        const DENIED: [&str; 7] = [
            "AccessDenied",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "InvalidToken",
            "403 Forbidden",
            "401 Unauthorized",
        ];
        // S3 names the region it expects in the message of the first; the others are redirects without an aim.
        const ELSEWHERE: [&str; 3] =
            ["AuthorizationHeaderMalformed", "PermanentRedirect", "redirect without LOCATION"];
        let has = |codes: &[&str]| codes.iter().any(|code| text.contains(code));
        if text.contains("NoSuchBucket") {
            StorageProblem::NoBucket
        } else if self.credentials == S3Credentials::Instance && text.contains("/latest/") {
            StorageProblem::NoCredentials
        } else if has(&ELSEWHERE) {
            StorageProblem::WrongRegion
        } else if has(&DENIED) {
            StorageProblem::Denied
        } else {
            StorageProblem::Unreachable
        }
    }
}

fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
