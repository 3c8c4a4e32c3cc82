//! Who asks: API key, signature, and whether the request is fresh.

use tradai_domain::Millis;

use super::secret::Secret;
use super::{Params, Request};
use crate::refusal::{Outcome, Refusal};

/// What an endpoint asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    Open,
    /// An API key, no signature (listen keys).
    Key,
    Signed,
}

const DEFAULT_WINDOW_MS: Millis = 5_000;
const MAX_WINDOW_MS: Millis = 60_000;
/// How far ahead of the exchange's time a request may be.
const MAX_AHEAD_MS: Millis = 1_000;

/// What a request shows for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A key, and what its signature must be over.
    Signed { api_key: Option<String>, payload: String },
    /// It came on a socket that has logged on.
    LoggedOn,
}

/// API keys and the exchange's halves of them.
#[derive(Clone, Default)]
pub(crate) struct Keys(pub(crate) Vec<(String, Secret)>);

impl Keys {
    /// Checks a request the way the exchange does: key, mandatory parameters, signature, time.
    pub(crate) fn check(
        &self,
        security: Security,
        proof: &Proof,
        params: &Params,
        now: Millis,
    ) -> Outcome<()> {
        if security == Security::Open {
            return Ok(());
        }
        let Proof::Signed { api_key, payload } = proof else {
            params.need("timestamp")?;
            return check_time(params, now);
        };
        let secret = self.secret(api_key.as_deref())?;
        if security == Security::Key {
            return Ok(());
        }
        params.need("timestamp")?;
        let signature = params.need("signature")?;
        if !secret.verifies(payload, signature) {
            return Err(Refusal::new(-1022, "Signature for this request is not valid."));
        }
        check_time(params, now)
    }

    /// Returns the exchange's half of a key.
    pub(crate) fn secret(&self, api_key: Option<&str>) -> Outcome<&Secret> {
        let key = api_key.filter(|key| !key.is_empty());
        let Some(key) = key else {
            return Err(Refusal::new(-2014, "API-key format invalid.").with_status(401));
        };
        let known = self.0.iter().find(|(known, _)| known == key);
        known.map(|(_, secret)| secret).ok_or_else(|| {
            let text = "Invalid API-key, IP, or permissions for action.";
            Refusal::new(-2015, text).with_status(401)
        })
    }
}

impl Proof {
    /// Returns what a request over HTTP shows: the signature is over query and body, both as sent and without the
    /// signature itself, one after the other with nothing in between.
    pub(crate) fn of_request(request: &Request) -> Self {
        let payload = without_signature(&request.query) + &without_signature(&request.body);
        Self::Signed { api_key: request.api_key.clone(), payload }
    }

    /// Returns what a request over a socket shows: the signature is over its parameters, sorted by name.
    pub(crate) fn of_params(params: &Params) -> Self {
        Self::Signed { api_key: params.get("apiKey").map(str::to_owned), payload: params.sorted() }
    }
}

fn check_time(params: &Params, now: Millis) -> Outcome<()> {
    let sent = params.integer("timestamp")?.unwrap_or_default();
    let window = params.integer("recvWindow")?.unwrap_or(DEFAULT_WINDOW_MS);
    if !(0..=MAX_WINDOW_MS).contains(&window) {
        return Err(Refusal::new(-1131, "recvWindow must be less than 60000."));
    }
    if sent > now + MAX_AHEAD_MS {
        let text = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(Refusal::new(-1021, text));
    }
    if sent < now - window {
        return Err(Refusal::new(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    Ok(())
}

fn without_signature(form: &str) -> String {
    let kept: Vec<&str> = form.split('&').filter(|pair| !pair.starts_with("signature=")).collect();
    kept.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the spot API documentation ("SIGNED Endpoint Examples").
    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    const PAYLOAD: &str = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
    const SIGNATURE: &str = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";

    fn is_signed(query: &str, body: &str, secret: &str, signature: &str) -> bool {
        let request = Request { query: query.to_owned(), body: body.to_owned(), ..Request::default() };
        let Proof::Signed { payload, .. } = Proof::of_request(&request) else { return false };
        Secret::Hmac(secret.to_owned()).verifies(&payload, signature)
    }

    #[test]
    fn the_documented_signature_is_accepted_wherever_the_parameters_are() {
        let signed = format!("{PAYLOAD}&signature={SIGNATURE}");
        assert!(is_signed(&signed, "", SECRET, SIGNATURE));
        assert!(is_signed("", &signed, SECRET, &SIGNATURE.to_uppercase()));
        assert!(!is_signed(&signed.replace("0.1", "0.2"), "", SECRET, SIGNATURE));
        // Mixed, from the same page: the parts follow one another without an ampersand.
        let (query, body) = PAYLOAD.split_at("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC".len());
        let mixed = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77";
        assert!(is_signed(query, &format!("{}&signature={mixed}", &body[1..]), SECRET, mixed));
    }

    /// What CCXT sends at a frozen clock, with its exact signatures (`crates/exchange/tests/cases`).
    #[test]
    fn every_recorded_request_is_validly_signed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../exchange/tests/cases");
        let keys = Keys(vec![(
            "tradai-test-key-000000000000000000000000000000000000000000000000".to_owned(),
            Secret::Hmac("tradai-test-secret-0000000000000000000000000000000000000000000".to_owned()),
        )]);
        let mut checked = 0;
        for venue in ["binance", "binanceusdm"] {
            for file in std::fs::read_dir(format!("{folder}/{venue}/request")).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
                for case in &cases {
                    let expect = &case["expect"];
                    let url = expect["raw_url"].as_str().unwrap_or_default();
                    let body = expect["raw_body"].as_str().unwrap_or_default();
                    let query = url.split_once('?').map_or("", |(_, query)| query);
                    let params = Params::parse(query, body);
                    if params.get("signature").is_none() {
                        continue;
                    }
                    let api_key = expect["headers"]["X-MBX-APIKEY"].as_str().map(str::to_owned);
                    let request = Request {
                        query: query.to_owned(),
                        body: body.to_owned(),
                        api_key,
                        ..Request::default()
                    };
                    let checked_now = keys.check(
                        Security::Signed,
                        &Proof::of_request(&request),
                        &params,
                        1_700_000_000_000,
                    );
                    assert_eq!(checked_now, Ok(()), "{url} {body}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 50, "{checked}");
        println!("{checked} recorded requests are validly signed");
    }

    #[test]
    fn requests_are_fresh_or_refused() {
        let check =
            |text: &str| check_time(&Params::parse(text, ""), 100_000).map_err(|refusal| refusal.code);
        assert_eq!(check("timestamp=95000"), Ok(()));
        assert_eq!(check("timestamp=94999"), Err(-1021));
        assert_eq!(check("timestamp=94999&recvWindow=6000"), Ok(()));
        assert_eq!(check("timestamp=101000"), Ok(()));
        assert_eq!(check("timestamp=101001"), Err(-1021));
        assert_eq!(check("timestamp=100000&recvWindow=60001"), Err(-1131));
    }
}
