//! Where a bucket is and how to talk to it.

use std::fmt;
use std::time::Duration;

use object_store::path::Path;
use url::Url;

use super::credentials::S3Credentials;
use crate::error::Error;
use crate::open::refused;

/// The parameters that a location may carry.
const PARAMETERS: &str = "allowed are endpoint=URL, region=NAME and path_style=true|false";

/// A bucket, the folder of the store in it, and how to reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct S3Settings {
    /// Name of the bucket.
    pub bucket: String,
    /// Folder of the store, without a slash at either end; empty for the whole bucket.
    pub prefix: String,
    /// `http://` or `https://` URL of a server that is not Amazon's; `None` for Amazon's in `region`. Over
    /// `http://` all but the secret key is readable on the way.
    pub endpoint: Option<String>,
    /// Region that requests are signed for. Other servers mostly ignore it.
    pub region: String,
    /// Whether the bucket stands in the URL's path (`https://host/bucket`) rather than its host name. By default
    /// so at endpoints of others, and for names with a dot, which no certificate covers.
    pub path_style: bool,
    /// Who we are.
    pub credentials: S3Credentials,
    /// Longest wait for a connection; 5 s by default.
    pub connect_timeout: Duration,
    /// Longest time for one request and its answer, to the last byte; 60 s by default.
    pub request_timeout: Duration,
    /// How often a request is sent again when sending it again may help; 5 by default, over about 3 s.
    pub max_retries: usize,
    /// Time since the first send after which nothing is sent again; 2 min by default.
    pub retry_timeout: Duration,
}

impl S3Settings {
    /// Reads `s3://BUCKET/PREFIX?PARAMETERS`.
    ///
    /// Parameters are `endpoint`, `region` and `path_style`; what they leave open is taken from
    /// `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, and `AWS_REGION` or `AWS_DEFAULT_REGION` (else
    /// `eu-central-1`, where the platform runs). Credentials come from the environment alone: a location is shown, logged and kept in shell histories. The
    /// names are those of [`S3Credentials`] as Amazon's own programs read them. `env` returns a variable's value.
    ///
    /// # Errors
    /// [`Error::Location`] naming the part or variable that is wrong, and what is allowed.
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        parse(text, env).map_err(|problem| refused(text, problem))
    }

    /// Returns the URL under which the bucket's objects are, as object_store wants it; `None` for Amazon's.
    pub(super) fn bucket_endpoint(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        if self.path_style {
            return Some(endpoint.clone());
        }
        endpoint.split_once("://").map(|(scheme, host)| format!("{scheme}://{}.{host}", self.bucket))
    }
}

impl fmt::Display for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)?;
        match &self.endpoint {
            Some(endpoint) => write!(f, " ({endpoint})"),
            None => write!(f, " ({})", self.region),
        }
    }
}

/// The region of the platform's buckets, as `infra/platform.yaml` has it.
const DEFAULT_REGION: &str = "eu-central-1";

fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<S3Settings, String> {
    let var = |name: &str| env(name).filter(|value| !value.is_empty());
    let rest = text.strip_prefix("s3://").ok_or("a bucket is written s3://BUCKET/PREFIX")?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    check_bucket(bucket)?;
    let prefix = Path::parse(prefix).map_err(|e| format!("the prefix is no path: {e}"))?;
    let parameters = Parameters::parse(query)?;
    let endpoint = match parameters.endpoint {
        Some(endpoint) => Some(check_endpoint("endpoint", &endpoint)?),
        None => ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .iter()
            .find_map(|name| var(name).map(|value| check_endpoint(name, &value)))
            .transpose()?,
    };
    let region = parameters.region.or_else(|| var("AWS_REGION")).or_else(|| var("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
    check_region(&region)?;
    let path_style = parameters.path_style.unwrap_or(endpoint.is_some() || bucket.contains('.'));
    Ok(S3Settings {
        bucket: bucket.to_owned(),
        prefix: prefix.to_string(),
        endpoint,
        region,
        path_style,
        credentials: S3Credentials::from_env(env)?,
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(60),
        max_retries: 5,
        retry_timeout: Duration::from_secs(120),
    })
}

/// What stands behind the `?` of a location.
#[derive(Debug, Default)]
struct Parameters {
    endpoint: Option<String>,
    region: Option<String>,
    path_style: Option<bool>,
}

impl Parameters {
    fn parse(query: &str) -> Result<Self, String> {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let twice = match name.as_ref() {
                "endpoint" => parameters.endpoint.replace(value.into_owned()).is_some(),
                "region" => parameters.region.replace(value.into_owned()).is_some(),
                "path_style" => parameters.path_style.replace(parse_bool(&value)?).is_some(),
                _ if is_secret(&name) => {
                    return Err(format!(
                        "`{name}` does not belong in a location, which is shown and logged; \
                         set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
                    ));
                }
                _ => return Err(format!("unknown parameter `{name}`; {PARAMETERS}")),
            };
            if twice {
                return Err(format!("`{name}` is given twice"));
            }
        }
        Ok(parameters)
    }
}

fn parse_bool(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "path_style is `true` or `false`".to_owned())
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "access", "secret", "token", "password", "credential"].iter().any(|part| name.contains(part))
}

fn check_bucket(bucket: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(plain) {
        return Err("a bucket has 3 to 63 letters, digits, dots and hyphens; a location is \
                    s3://BUCKET/PREFIX, and keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            .to_owned());
    }
    Ok(())
}

fn check_region(region: &str) -> Result<(), String> {
    if region.is_empty() || !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err("a region has letters, digits and hyphens, as eu-central-1".to_owned());
    }
    Ok(())
}

/// Returns an endpoint without a slash at its end.
fn check_endpoint(name: &str, text: &str) -> Result<String, String> {
    let plain = |url: &Url| {
        let extras = [url.username(), url.password().unwrap_or(""), url.query().unwrap_or("")];
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && extras.iter().all(|extra| extra.is_empty())
            && url.fragment().is_none()
    };
    match Url::parse(text) {
        Ok(url) if plain(&url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        _ => Err(format!(
            "{name} is an http or https URL without user, `?` and `#`, as https://s3.example.com or \
             http://127.0.0.1:9000"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_SECRET_ACCESS_KEY", "hush")];

    fn settings(text: &str, vars: &[(&str, &str)]) -> Result<S3Settings, Error> {
        let vars = [&KEYS[..], vars].concat();
        S3Settings::parse(text, &|name| {
            vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn amazon_by_default() {
        let found = settings("s3://bucket/some/prefix/", &[]).unwrap();
        assert_eq!((found.bucket.as_str(), found.prefix.as_str()), ("bucket", "some/prefix"));
        assert_eq!((found.region.as_str(), found.path_style), ("eu-central-1", false));
        assert_eq!(found.bucket_endpoint(), None);
        assert!(settings("s3://buck.et", &[]).unwrap().path_style);
        assert_eq!(found.to_string(), "s3://bucket/some/prefix (eu-central-1)");
    }

    #[test]
    fn parameters_come_before_variables_and_the_special_before_the_general() {
        let vars = [
            ("AWS_ENDPOINT_URL", "http://general:1"),
            ("AWS_ENDPOINT_URL_S3", "http://special:2/"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", ""),
        ];
        let found = settings("s3://bucket", &vars).unwrap();
        assert_eq!(found.endpoint.as_deref(), Some("http://special:2"));
        assert_eq!((found.region.as_str(), found.path_style), ("eu-west-1", true));
        let text = "s3://bucket?endpoint=http%3A%2F%2Flocalhost:9000&path_style=false&region=x-1";
        let found = settings(text, &vars).unwrap();
        assert_eq!(found.bucket_endpoint().as_deref(), Some("http://bucket.localhost:9000"));
        assert_eq!(found.region, "x-1");
    }

    #[test]
    fn wrong_parts_are_named_and_secrets_are_not_shown() {
        for (text, says) in [
            ("s3:bucket", "s3://BUCKET/PREFIX"),
            ("s3://b", "a bucket has 3 to 63 letters"),
            ("s3://AKIAX:hush@bucket/p", "a bucket has 3 to 63 letters"),
            ("s3://bucket/a//b", "the prefix is no path"),
            ("s3://bucket/../b", "the prefix is no path"),
            ("s3://bucket?secret_access_key=hush", "`secret_access_key` does not belong in a location"),
            ("s3://bucket?access=AKIAX", "`access` does not belong in a location"),
            ("s3://bucket?style=path", "unknown parameter `style`; allowed are endpoint=URL, region=NAME"),
            ("s3://bucket?region=a&region=b", "`region` is given twice"),
            ("s3://bucket?region=a/b", "a region has letters, digits and hyphens"),
            ("s3://bucket?path_style=yes", "path_style is `true` or `false`"),
            ("s3://bucket?endpoint=127.0.0.1:9000", "endpoint is an http or https URL"),
            ("s3://bucket?endpoint=http://AKIAX:hush@host", "endpoint is an http or https URL without user"),
        ] {
            let error = settings(text, &[]).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("hush") && !error.contains("AKIAX"), "{text}: {error}");
        }
        let error = settings("s3://bucket", &[("AWS_ENDPOINT_URL", "ftp://hush")]).unwrap_err().to_string();
        assert!(error.contains("AWS_ENDPOINT_URL is an http or https URL"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!("{:?}", settings("s3://bucket", &[("AWS_SESSION_TOKEN", "tok")]).unwrap());
        assert!(["AKIAX", "hush", "\"tok\""].iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}
