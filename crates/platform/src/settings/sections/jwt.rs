//! Tokens of an identity provider (OpenID Connect): who issues them, for whom, and where its keys are.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::settings::Reader;

/// Which tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtSettings {
    /// Where the keys are that tokens are signed with.
    pub jwks: JwksSource,
    /// Who must have issued a token: its `iss`, to the letter.
    pub issuer: String,
    /// For whom it must be: its `aud`, or `client_id` where a token has no `aud`, as Cognito's access tokens.
    pub audience: Vec<String>,
    /// The claim with the caller's roles: a name, or a JSON pointer such as `/realm_access/roles`.
    pub roles_claim: String,
    /// How far the issuer's clock may be off.
    pub leeway: Duration,
}

/// Where a JSON Web Key Set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// At an address: `https`, or plain HTTP on loopback. Whoever answers there decides who may call.
    Url(String),
    /// In a file, which is read again as an address would be.
    File(PathBuf),
}

/// Leeway where nobody says: clocks of a well kept machine are not off by more.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);
/// Largest leeway. A larger one would keep tokens alive that the issuer has ended.
const MAX_LEEWAY_SECONDS: u64 = 300;

impl JwtSettings {
    /// Returns settings with the default claim and leeway.
    #[must_use]
    pub fn new(jwks: JwksSource, issuer: &str, audience: &str) -> Self {
        Self {
            jwks,
            issuer: issuer.to_owned(),
            audience: vec![audience.to_owned()],
            roles_claim: "cognito:groups".to_owned(),
            leeway: DEFAULT_LEEWAY,
        }
    }

    /// Reads the section; `None` when neither address nor file is set.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url: Option<String> = reader
            .key("AUTH_JWKS_URL", "address of the keys that tokens are signed with")
            .also(&["AUTH_JWKS_URL"])
            .optional();
        let file: Option<String> = reader
            .key("AUTH_JWKS_FILE", "file of the keys that tokens are signed with, in place of the address")
            .also(&["AUTH_JWKS_FILE"])
            .optional();
        let issuer: String = reader
            .key("AUTH_JWT_ISSUER", "who must have issued a token: its iss")
            .also(&["AUTH_JWT_ISSUER"])
            .or(String::new());
        let audience: Vec<String> = reader
            .key("AUTH_JWT_AUDIENCE", "for whom a token must be: its aud, or client_id without one")
            .also(&["AUTH_JWT_AUDIENCE"])
            .list(&[]);
        let roles_claim = reader
            .key("AUTH_JWT_ROLES_CLAIM", "claim with the caller's roles: a name or a JSON pointer")
            .also(&["AUTH_JWT_ROLES_CLAIM"])
            .or("cognito:groups".to_owned());
        let leeway_seconds = reader
            .key("AUTH_JWT_LEEWAY_SECONDS", "how far the issuer's clock may be off")
            .also(&["AUTH_JWT_LEEWAY_SECONDS"])
            .or(DEFAULT_LEEWAY.as_secs());
        if leeway_seconds > MAX_LEEWAY_SECONDS {
            let problem = format!("{leeway_seconds} is more than {MAX_LEEWAY_SECONDS}");
            reader.fault("AUTH_JWT_LEEWAY_SECONDS", problem);
        }
        let jwks = read_source(reader, url, file);
        if jwks.is_none() {
            if !issuer.is_empty() || !audience.is_empty() {
                let problem =
                    "is needed where AUTH_JWT_ISSUER or AUTH_JWT_AUDIENCE is set; or AUTH_JWKS_FILE";
                reader.fault("AUTH_JWKS_URL", problem);
            }
            return None;
        }
        if issuer.is_empty() {
            reader.fault("AUTH_JWT_ISSUER", "is needed where tokens are believed");
        }
        if audience.is_empty() {
            reader.fault("AUTH_JWT_AUDIENCE", "is needed where tokens are believed");
        }
        let leeway = Duration::from_secs(leeway_seconds);
        Some(Self { jwks: jwks?, issuer, audience, roles_claim, leeway })
    }
}

fn read_source(reader: &mut Reader<'_>, url: Option<String>, file: Option<String>) -> Option<JwksSource> {
    match (url, file) {
        (Some(_), Some(_)) => {
            reader.fault("AUTH_JWKS_FILE", "is set beside AUTH_JWKS_URL; one of the two is enough");
            None
        }
        (Some(url), None) => {
            if !is_trustworthy(&url) {
                let problem = "expected https://, or http:// on loopback, without user, `?` and `#`";
                reader.fault("AUTH_JWKS_URL", problem);
            }
            Some(JwksSource::Url(url))
        }
        (None, Some(file)) => Some(JwksSource::File(PathBuf::from(file))),
        (None, None) => None,
    }
}

/// Keys that came over plain HTTP are anybody's.
fn is_trustworthy(url: &str) -> bool {
    let plain = !url.contains(['?', '#', '@', ' ']);
    let host = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    if let Some(rest) = url.strip_prefix("https://") {
        return plain && !host(rest).is_empty();
    }
    let Some(host) = url.strip_prefix("http://").map(host) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    plain && (name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for good in [
            "https://cognito-idp.eu-central-1.amazonaws.com/pool/.well-known/jwks.json",
            "http://127.0.0.1:8080/certs",
            "http://localhost/certs",
            "http://[::1]:8080/certs",
        ] {
            assert!(is_trustworthy(good), "{good}");
        }
        for bad in [
            "http://idp.example/certs",
            "http://127.0.0.1.example/certs",
            "https://",
            "https://user@idp.example/",
            "https://idp.example/?x",
            "ftp://localhost/",
            "idp.example",
        ] {
            assert!(!is_trustworthy(bad), "{bad}");
        }
    }
}
