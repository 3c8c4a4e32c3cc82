//! What looks like a credential has no place in a config or in a job's settings: they are shown, compared, logged and
//! kept for months.

use serde_json::{Map, Value};

/// What the names of credentials have in them, separators left out.
const NAMES: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "bearer",
    "authorization",
];

/// What stands in place of a credential that is shown.
const REDACTED: &str = "[redacted]";

/// Returns one fault for each value that looks like a credential, with its path and without the value.
pub(crate) fn faults(config: &Map<String, Value>) -> Vec<String> {
    let mut paths = Vec::new();
    for (key, value) in config {
        find(value, &shown(key), is_credential_name(key), &mut paths);
    }
    let fault = |path: &String| {
        format!("{path}: looks like a credential; keep it in the secret store and leave it out of configs")
    };
    paths.iter().map(fault).collect()
}

/// Replaces whatever looks like a credential; a variable of the environment may have brought it in.
pub(super) fn redact(config: &mut Map<String, Value>) {
    for (key, value) in config {
        redact_value(value, is_credential_name(key));
    }
}

fn redact_value(value: &mut Value, is_named: bool) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                redact_value(value, is_named || is_credential_name(key));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_value(item, is_named)),
        plain if is_credential(plain, is_named) => *plain = Value::from(REDACTED),
        _ => {}
    }
}

fn find(value: &Value, path: &str, is_named: bool, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{path}.{}", shown(key));
                find(value, &path, is_named || is_credential_name(key), paths);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find(item, &format!("{path}[{index}]"), is_named, paths);
            }
        }
        plain if is_credential(plain, is_named) => paths.push(path.to_owned()),
        _ => {}
    }
}

fn shown(key: &str) -> String {
    key.chars().take(60).collect()
}

fn is_credential_name(key: &str) -> bool {
    let plain: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    plain.ends_with("token") || plain == "pwd" || NAMES.iter().any(|name| plain.contains(name))
}

/// Whether a value, under a name that credentials have or any other, looks like one. Switches never do.
fn is_credential(value: &Value, is_named: bool) -> bool {
    match value {
        Value::String(text) => (is_named && !text.is_empty()) || has_credential(text),
        Value::Number(_) => is_named,
        _ => false,
    }
}

/// Texts that are credentials whatever they are called: addresses with a password, private keys, access keys of AWS.
fn has_credential(text: &str) -> bool {
    let with_password = text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    let access_key = |word: &str| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    with_password
        || (text.contains("-----BEGIN") && text.contains("PRIVATE KEY"))
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(access_key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_named_by_their_path_and_never_shown() {
        let config = json!({
            "api_key": "k3y", "exchange": {"Secret-Key": "s", "name": "binance"}, "telegram": {"token": 12345},
            "passwords": ["a", ""], "uri": "postgres://ann:hunter2@db/x", "notes": "key AKIAIOSFODNN7EXAMPLE",
            "pem": "-----BEGIN RSA PRIVATE KEY-----\nMII", "secrets": {"deep": {"x": "y"}},
            "use_secret": true, "secret_name": null, "password": "", "stake_amount": 5,
            "mlflow": {"tracking_uri": "http://localhost:5001"}, "mail": "ann@example.org",
            "repository": "https://ann@example.org/x", "pairs": ["BTC/USDT:USDT"]
        });
        let Value::Object(mut map) = config else { panic!() };
        let found = faults(&map);
        let paths: Vec<&str> = found.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
        assert_eq!(
            paths,
            [
                "api_key",
                "exchange.Secret-Key",
                "telegram.token",
                "passwords[0]",
                "uri",
                "notes",
                "pem",
                "secrets.deep.x",
            ]
        );
        assert!(found[0].contains("secret store"));
        let text = found.join("");
        assert!(!["k3y", "hunter2", "AKIA", "12345"].iter().any(|value| text.contains(value)), "{text}");
        redact(&mut map);
        let text = serde_json::to_string(&map).unwrap();
        assert!(
            !["k3y", "hunter2", "AKIA", "12345", "MII"].iter().any(|value| text.contains(value)),
            "{text}"
        );
        assert!(text.contains("binance") && text.contains("http://localhost:5001"), "{text}");
        assert_eq!(map["passwords"], json!([REDACTED, ""]));
        assert_eq!(map["secrets"], json!({"deep": {"x": REDACTED}}));
        assert_eq!(map["repository"], "https://ann@example.org/x", "a name is no password");
    }
}
