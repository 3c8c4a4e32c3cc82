//! What requests that may come twice are recognised by.

use serde::Serialize;
use serde_json::Value;
use tradai_domain::ErrorKind;
use tradai_domain::configs::ConfigHash;
use tradai_domain::ports::{PortError, RequestKey};

use crate::jobs::Requester;

/// Returns what a request is recognised by that came with a key; `asked` is the rest of it, an object. Two actors that
/// chose the same key do not meet; the length keeps the parts apart.
pub(crate) fn request_key(
    action: &str,
    requester: &Requester,
    asked: &impl Serialize,
) -> Result<Option<RequestKey>, PortError> {
    let Some(key) = &requester.idempotency_key else { return Ok(None) };
    let no_object = || PortError::new(ErrorKind::Internal, "the request has no JSON");
    let Ok(Value::Object(asked)) = serde_json::to_value(asked) else { return Err(no_object()) };
    let key = format!("{action}:{}:{}:{key}", requester.actor.len(), requester.actor);
    let mut fingerprint = [0; 32];
    for (byte, digits) in fingerprint.iter_mut().zip(ConfigHash::of(&asked).as_str().as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| no_object())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| no_object())?;
    }
    Ok(Some(RequestKey { key, fingerprint }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_differ_by_action_actor_key_and_content() {
        let requester = |actor: &str, key: &str| Requester {
            actor: actor.to_owned(),
            idempotency_key: Some(key.to_owned()),
            ..Requester::default()
        };
        let of = |action, requester: &Requester, asked| request_key(action, requester, &asked).unwrap();
        let one = of("a", &requester("ann", "k"), json!({"x": 1, "y": 2}));
        assert_eq!(one, of("a", &requester("ann", "k"), json!({"y": 2, "x": 1})));
        for other in [
            of("b", &requester("ann", "k"), json!({"x": 1, "y": 2})),
            of("a", &requester("ann:k", ""), json!({"x": 1, "y": 2})),
            of("a", &requester("ann", "k"), json!({"x": 1, "y": 3})),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(of("a", &Requester::default(), json!({})), None);
    }
}
