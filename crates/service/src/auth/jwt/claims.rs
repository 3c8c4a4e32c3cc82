//! What a token claims, after its signature was verified.

use serde_json::{Map, Value};
use tradai_domain::Millis;
use tradai_platform::settings::sections::{JwtSettings, Role};

/// Longest subject; it is a name in logs and in the audit log.
const SUBJECT_LENGTH: usize = 128;

pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        serde_json::from_slice(bytes).map(Self).map_err(|_| "its claims are no JSON object")
    }

    /// Checks issuer, audience and times, and returns until when the token is good.
    pub(super) fn check(&self, settings: &JwtSettings, now: Millis) -> Result<Millis, &'static str> {
        if self.0.get("iss").and_then(Value::as_str) != Some(settings.issuer.as_str()) {
            return Err("it is from another issuer");
        }
        if !self.is_for(&settings.audience) {
            return Err("it is for another audience");
        }
        let leeway = Millis::try_from(settings.leeway.as_millis()).unwrap_or(Millis::MAX);
        let until = self.moment("exp")?.ok_or("it does not say when it ends")?.saturating_add(leeway);
        if until <= now {
            return Err("it has expired");
        }
        for claim in ["nbf", "iat"] {
            if self.moment(claim)?.is_some_and(|from| from > now.saturating_add(leeway)) {
                return Err("it is not good yet");
            }
        }
        Ok(until)
    }

    /// Returns who the token is about.
    pub(super) fn subject(&self) -> Result<&str, &'static str> {
        let subject = self.0.get("sub").and_then(Value::as_str).unwrap_or_default();
        let is_printable = subject.bytes().all(|byte| byte.is_ascii_graphic());
        if subject.is_empty() || subject.len() > SUBJECT_LENGTH || !is_printable {
            return Err("its subject is no name of 1 to 128 printable characters");
        }
        Ok(subject)
    }

    /// Returns the highest role of a claim: a list, or texts between spaces.
    pub(super) fn role(&self, claim: &str) -> Option<Role> {
        let value = match claim.split_once('/') {
            // A JSON pointer; names of claims may be addresses, and hold slashes later on.
            Some(("", pointer)) => pointer_into(&self.0, pointer)?,
            _ => self.0.get(claim)?,
        };
        let names: Vec<&str> = match value {
            Value::String(text) => text.split_whitespace().collect(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        names.into_iter().filter_map(|name| name.parse().ok()).max()
    }

    /// Cognito's access tokens name a `client_id` in place of an audience.
    fn is_for(&self, audience: &[String]) -> bool {
        let names = |text: &str| audience.iter().any(|name| name == text);
        match (self.0.get("aud"), self.0.get("client_id")) {
            (Some(Value::String(one)), _) => names(one),
            (Some(Value::Array(many)), _) => many.iter().filter_map(Value::as_str).any(names),
            (None, Some(Value::String(client))) => names(client),
            _ => false,
        }
    }

    /// Reads a moment in seconds, with or without a fraction.
    fn moment(&self, claim: &str) -> Result<Option<Millis>, &'static str> {
        let Some(value) = self.0.get(claim) else { return Ok(None) };
        let seconds = value.as_f64().filter(|seconds| (0.0..=1e11).contains(seconds));
        let seconds = seconds.ok_or("one of its times is no time")?;
        // Below 1e14: exact enough, and far from the ends of the type.
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        Ok(Some((seconds * 1000.0) as Millis))
    }
}

fn pointer_into<'a>(claims: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let unescaped = |name: &str| name.replace("~1", "/").replace("~0", "~");
    let mut names = pointer.split('/').map(unescaped);
    let first = claims.get(&names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tradai_platform::settings::sections::JwksSource;

    use super::*;

    const NOW: Millis = 1_700_000_000_000;

    fn claims(changed: &Value) -> Claims {
        let mut claims = json!({
            "iss": "https://idp.example", "aud": "tradai", "sub": "ann", "exp": 1_700_000_060,
            "cognito:groups": ["viewer"],
        });
        for (name, value) in changed.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        Claims::parse(claims.to_string().as_bytes()).unwrap()
    }

    fn check(changed: &Value) -> Result<Millis, &'static str> {
        let source = JwksSource::File("keys.json".into());
        claims(changed).check(&JwtSettings::new(source, "https://idp.example", "tradai"), NOW)
    }

    #[test]
    fn a_token_is_for_us_from_the_issuer_and_in_time() {
        // The leeway is 60 seconds.
        assert_eq!(check(&json!({})), Ok(NOW + 120_000));
        for good in [
            json!({"aud": ["other", "tradai"]}),
            json!({"aud": null, "client_id": "tradai"}),
            json!({"exp": 1_699_999_940.5}),
            json!({"nbf": 1_700_000_060, "iat": 1_700_000_000.25}),
        ] {
            assert!(check(&good).is_ok(), "{good}");
        }
        for bad in [
            json!({"iss": "https://idp.example/"}),
            json!({"iss": null}),
            json!({"iss": ["https://idp.example"]}),
            json!({"aud": "other"}),
            json!({"aud": "other", "client_id": "tradai"}),
            json!({"aud": {"tradai": true}}),
            json!({"aud": null}),
            json!({"exp": null}),
            json!({"exp": 1_699_999_940}),
            json!({"exp": "1700000060"}),
            json!({"exp": 1e300}),
            json!({"exp": -1}),
            json!({"nbf": 1_700_000_061}),
            json!({"nbf": "soon"}),
            json!({"iat": 1_700_000_061}),
            json!({"iat": []}),
        ] {
            assert!(check(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_highest_role_counts_wherever_it_is() {
        let role = |changed: &Value, claim: &str| claims(changed).role(claim);
        assert_eq!(role(&json!({}), "cognito:groups"), Some(Role::Viewer));
        let many = json!({"roles": ["viewer", "admin", "everybody", 7]});
        assert_eq!(role(&many, "roles"), Some(Role::Admin));
        assert_eq!(role(&json!({"scope": "openid trader"}), "scope"), Some(Role::Trader));
        let nested = json!({"realm_access": {"roles": ["trader"]}});
        assert_eq!(role(&nested, "/realm_access/roles"), Some(Role::Trader));
        let address = json!({"https://tradai.example/roles": ["admin"]});
        assert_eq!(role(&address, "https://tradai.example/roles"), Some(Role::Admin));
        assert_eq!(role(&address, "/https:~1~1tradai.example~1roles"), Some(Role::Admin));
        for none in
            [json!({"roles": []}), json!({"roles": ["Admin", "administrators"]}), json!({"roles": true})]
        {
            assert_eq!(role(&none, "roles"), None, "{none}");
        }
    }

    #[test]
    fn a_subject_is_a_name() {
        assert_eq!(claims(&json!({})).subject(), Ok("ann"));
        for bad in [
            json!({"sub": null}),
            json!({"sub": ""}),
            json!({"sub": "a\nb"}),
            json!({"sub": "x".repeat(129)}),
        ] {
            assert!(claims(&bad).subject().is_err(), "{bad}");
        }
    }
}
