//! For whom a service of the platform asks.
//!
//! Invariant: only a key that the settings call a service's own may name somebody else; whoever else tries is refused,
//! and not merely passed over, so that nobody takes such a request for theirs.

use axum::http::HeaderMap;
use tradai_platform::settings::sections::{ApiKeySetting, KeyScope};

use super::caller::{Caller, Proof};
use crate::problem::{Code, Problem};

/// The header in which a service names whom it asks for: a name as the service itself knows it.
pub const ON_BEHALF_OF: &str = "x-tradai-on-behalf-of";
/// Longest name, in bytes: a token's subject with what precedes it, and names of keys.
const MOST: usize = 256;

/// Returns whom the holder of a key or token speaks for: themselves, unless a service names somebody. What may be done
/// stays what the service may.
pub(super) fn apply(holder: Caller, keys: &[ApiKeySetting], headers: &HeaderMap) -> Result<Caller, Problem> {
    let Some(named) = named(headers)? else { return Ok(holder) };
    let is_service = |key: &ApiKeySetting| key.scope == KeyScope::Service && key.name == holder.name;
    if holder.proof != Proof::ApiKey || holder.key.is_some() || !keys.iter().any(is_service) {
        return Err(refused());
    }
    Ok(Caller { via: Some(holder.name), name: named, ..holder })
}

fn refused() -> Problem {
    Problem::new(Code::Forbidden, format!("only the key of a service may come with {ON_BEHALF_OF}"))
}

fn named(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(ON_BEHALF_OF).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let name = std::str::from_utf8(value.as_bytes()).unwrap_or_default().trim();
    let is_name = !name.is_empty() && name.len() <= MOST && !name.chars().any(char::is_control);
    if !is_name || values.next().is_some() {
        let detail = format!("{ON_BEHALF_OF} holds one name of at most {MOST} bytes");
        return Err(Problem::new(Code::Malformed, detail));
    }
    Ok(Some(name.to_owned()))
}
