//! The store in a bucket of S3, or of a server that speaks its protocol.
//!
//! What the store needs of S3 it has since 2024: reads and lists that show every earlier put, and put with
//! create-if-absent (`If-None-Match: *`). Servers that ignore that header must not be used: two writers would
//! both be told that they won.
//!
//! Invariant: no secret is in a text of this module, be it an error, `Debug` or a location.

mod answers;
mod credentials;
mod probe;
mod runtime;
mod settings;

pub use credentials::{S3Credentials, Secret};
pub(crate) use runtime::Runtime;
pub use settings::S3Settings;

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::error::{Error, StorageProblem};
use answers::TidyAnswers;

impl S3Settings {
    /// Prepares the connection; nothing is sent yet.
    ///
    /// How requests are repeated matters to the commit. object_store repeats a get, a list or an overwriting put
    /// after any failure that may pass. A create-if-absent it repeats after 5xx, 408 and 429 answers (and 409, see
    /// [`TidyAnswers`]) and when the connection closed before an answer, but not after a timeout or a reset. In each
    /// of these cases the first send may have been stored: then the repetition meets its own object and says
    /// `AlreadyExists`, and a timeout says nothing at all. So neither tells who made an object; only reading it
    /// does, which is what the commit does after anything but success.
    pub(crate) fn open(&self) -> Result<Arc<dyn ObjectStore>, Error> {
        let is_plain = self.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
        // Machines without certificates reach plain servers too; roles ask over https whom they trust.
        let needs_no_certificates = is_plain && matches!(self.credentials, S3Credentials::Keys { .. });
        let options = ClientOptions::new()
            .with_allow_http(is_plain)
            .with_no_system_certificates(needs_no_certificates)
            .with_connect_timeout(self.connect_timeout)
            .with_timeout(self.request_timeout);
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(5),
                base: 2.0,
            },
            max_retries: self.max_retries,
            retry_timeout: self.retry_timeout,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_virtual_hosted_style_request(!self.path_style)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_client_options(options)
            .with_retry(retry)
            .with_http_connector(TidyAnswers);
        if let Some(endpoint) = self.bucket_endpoint() {
            builder = builder.with_endpoint(endpoint);
        }
        let bucket = self.credentials.apply(builder).build().map_err(|source| self.no_setup(source))?;
        if self.prefix.is_empty() {
            return Ok(Arc::new(bucket));
        }
        Ok(Arc::new(PrefixStore::new(bucket, self.prefix.as_str())))
    }

    /// Starts the threads that serve the connection.
    pub(crate) fn start_runtime(&self) -> Result<Runtime, Error> {
        Runtime::new().map_err(|source| self.no_setup(source))
    }

    fn no_setup(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        let (location, problem) = (self.to_string(), StorageProblem::Setup);
        Error::NoStorage { location, problem, source: Box::new(source) }
    }
}
