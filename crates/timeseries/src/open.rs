//! Where a store is: a location as people write it, and the object storage there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use tradai_domain::ports::ExchangeKey;
use url::Url;

use crate::error::Error;
#[cfg(feature = "s3")]
use crate::s3::S3Settings;

/// What locations look like, for errors.
const ALLOWED: &str = "allowed are a directory, file:///DIR, s3://BUCKET/PREFIX and memory:";

/// Where a store is. Its text names no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A directory of this machine, made when missing.
    Directory(PathBuf),
    /// The memory of this process; empty at first, and gone with it.
    Memory,
    /// A bucket of S3 or of a server that speaks its protocol.
    #[cfg(feature = "s3")]
    S3(Box<S3Settings>),
}

impl Location {
    /// Reads a location: the path of a directory, `file:///DIR`, `s3://BUCKET/PREFIX?PARAMETERS` (see
    /// `S3Settings::parse`) or `memory:`. Any other text without `://` is a path.
    ///
    /// `env` returns the value of an environment variable; it is asked for S3 only.
    ///
    /// # Errors
    /// [`Error::Location`] naming the part that is wrong and what is allowed, never a value that may be secret.
    ///
    /// # Examples
    /// ```
    /// use tradai_timeseries::Location;
    /// let location = Location::parse("file:///var/lib/tradai", &|_| None)?;
    /// assert_eq!(location, Location::Directory("/var/lib/tradai".into()));
    /// # Ok::<(), tradai_timeseries::Error>(())
    /// ```
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        match scheme(text) {
            None if text.is_empty() => Err(refused(text, format!("it is empty; {ALLOWED}"))),
            None => Ok(Self::Directory(PathBuf::from(text))),
            Some("file") => file_path(text).map(Self::Directory),
            Some("memory") if text == "memory:" => Ok(Self::Memory),
            Some("s3") => parse_s3(text, env),
            Some(_) => Err(refused(text, ALLOWED.to_owned())),
        }
    }

    /// Returns where the candles of an exchange are: in a folder of its key below this location, so that a symbol
    /// which two exchanges list is two series.
    #[must_use]
    pub fn of_exchange(&self, exchange: &ExchangeKey) -> Self {
        match self {
            Self::Directory(dir) => Self::Directory(dir.join(exchange.as_str())),
            Self::Memory => Self::Memory,
            #[cfg(feature = "s3")]
            Self::S3(settings) => {
                let mut settings = settings.clone();
                let below = if settings.prefix.is_empty() { "" } else { "/" };
                settings.prefix = format!("{}{below}{exchange}", settings.prefix);
                Self::S3(settings)
            }
        }
    }

    /// Opens the object storage, for a [`Store`](crate::Store) in an async host; nothing is sent yet. A bucket
    /// works within a tokio runtime only: sync code takes
    /// [`CandleStore::open_location`](crate::CandleStore::open_location).
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be made or opened; [`Error::NoStorage`] when no connection can be
    /// prepared.
    pub fn open(&self) -> Result<Arc<dyn ObjectStore>, Error> {
        match self {
            Self::Directory(dir) => open_directory(dir),
            Self::Memory => Ok(Arc::new(InMemory::new())),
            #[cfg(feature = "s3")]
            Self::S3(settings) => settings.open(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(dir) => write!(f, "{}", dir.display()),
            Self::Memory => f.write_str("memory:"),
            #[cfg(feature = "s3")]
            Self::S3(settings) => settings.fmt(f),
        }
    }
}

/// Returns what stands before `:` where that makes the text a URL; a mere `a:b` is a path.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let known = matches!(scheme, "file" | "memory" | "s3");
    (known || rest.starts_with("//")).then_some(scheme)
}

fn open_directory(dir: &Path) -> Result<Arc<dyn ObjectStore>, Error> {
    let failed = |source| Error::Io { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let files = LocalFileSystem::new_with_prefix(dir)
        .map_err(|source| failed(std::io::Error::other(source)))?
        .with_fsync(true);
    Ok(Arc::new(files))
}

fn file_path(text: &str) -> Result<PathBuf, Error> {
    let allowed = || refused(text, "a file URL is file:///DIR, without host, `?` and `#`".to_owned());
    let url = Url::parse(text).map_err(|_| allowed())?;
    if !text.starts_with("file:///") || url.query().is_some() || url.fragment().is_some() {
        return Err(allowed());
    }
    url.to_file_path().map_err(|()| allowed())
}

#[cfg(feature = "s3")]
fn parse_s3(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Location, Error> {
    Ok(Location::S3(Box::new(S3Settings::parse(text, env)?)))
}

#[cfg(not(feature = "s3"))]
fn parse_s3(text: &str, _env: &dyn Fn(&str) -> Option<String>) -> Result<Location, Error> {
    Err(refused(text, "this program was built without S3 (feature `s3` of tradai-timeseries)".to_owned()))
}

/// Builds the error about a location. Parameters are left out, and so is a user name with a password: people
/// put secrets there, and errors are logged.
pub(crate) fn refused(text: &str, problem: String) -> Error {
    let text = text.split(['?', '#']).next().unwrap_or(text);
    let location = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://...@{host}"),
        _ => text.to_owned(),
    };
    Error::Location { location, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradai_domain::ErrorKind;

    fn parse(text: &str) -> Result<Location, Error> {
        Location::parse(text, &|_| None)
    }

    #[test]
    fn paths_urls_and_memory() {
        for (text, dir) in [
            ("tradai-data/store", "tradai-data/store"),
            ("/srv/a b", "/srv/a b"),
            ("odd:name/x", "odd:name/x"),
            ("C:/tradai", "C:/tradai"),
            ("file:///srv/a%20b", "/srv/a b"),
        ] {
            assert_eq!(parse(text).unwrap(), Location::Directory(dir.into()), "{text}");
        }
        assert_eq!(parse("memory:").unwrap(), Location::Memory);
    }

    #[test]
    fn every_exchange_has_a_folder_of_its_own() {
        let binance = "binance".parse().unwrap();
        let folder = parse("candles").unwrap().of_exchange(&binance);
        assert_eq!(folder, Location::Directory("candles/binance".into()));
        #[cfg(feature = "s3")]
        for (text, shown) in
            [("s3://bucket", "s3://bucket/binance"), ("s3://bucket/a/b", "s3://bucket/a/b/binance")]
        {
            let is_key = |name: &str| matches!(name, "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY");
            let env = |name: &str| is_key(name).then(|| "x".to_owned());
            let location = Location::parse(text, &env).unwrap().of_exchange(&binance);
            assert!(location.to_string().starts_with(shown), "{location}");
        }
    }

    #[test]
    fn refused_texts_say_what_is_allowed() {
        for (text, says) in [
            ("", "allowed are a directory, file:///DIR, s3://BUCKET/PREFIX and memory:"),
            ("gs://bucket", "allowed are a directory"),
            ("memory://x", "allowed are a directory"),
            ("file://host/dir", "file:///DIR, without host"),
            ("file:dir", "file:///DIR"),
            ("file:///dir?x=1", "without host, `?`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn errors_leave_out_where_people_put_secrets() {
        let error = parse("gs://KEY:hush/hush@bucket/prefix?token=hush").unwrap_err().to_string();
        assert!(error.starts_with("store location gs://...@bucket/prefix: "), "{error}");
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn a_build_without_s3_says_so() {
        assert!(parse("s3://bucket").unwrap_err().to_string().contains("built without S3"));
    }
}
