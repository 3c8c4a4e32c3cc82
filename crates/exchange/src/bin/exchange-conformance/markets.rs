//! Market lists to the unified structure.

use std::path::Path;

use serde_json::{Value, json};
use tradai_exchange::Json;
use tradai_exchange::base::iso8601;
use tradai_exchange::model::{Market, MarketKind};

use crate::report::{Case, Report};
use crate::venue::Venue;
use crate::{compare, files};

pub(crate) fn run(venue: &Venue, path: &Path, report: &mut Report) -> Result<(), String> {
    let Some(bytes) = files::read(&path.join("markets/unified.json"))? else { return Ok(()) };
    let json = Json::parse(&bytes).map_err(|error| error.to_string())?;
    for (symbol, expected) in json.get("markets").members() {
        let market = symbol.parse().ok().and_then(|symbol| venue.markets.find(&symbol));
        let outcome = match market {
            Some(market) => compare::same(expected, &unified(market, expected)),
            None => Err("we have no such market".to_owned()),
        };
        let mut members = expected.members().to_vec();
        let id = format!("{}/markets/{symbol}", venue.name);
        members.retain(|(name, _)| name != "id");
        members.push(("id".into(), Json::Text(id.into())));
        let case =
            Case { exchange: &venue.name, kind: "markets", method: "markets", json: &Json::Map(members) };
        report.add(&case, outcome);
    }
    Ok(())
}

/// Adds what CCXT derives from the other fields.
fn unified(market: &Market, expected: &Json<'_>) -> Value {
    let mut value = serde_json::to_value(market).unwrap_or_default();
    let derived = json!({
        "spot": market.is_spot(),
        "swap": market.kind == MarketKind::Swap,
        "future": market.kind == MarketKind::Future,
        "option": market.kind == MarketKind::Option,
        "contract": market.is_contract(),
        "linear": market.sub_type.map(|_| market.is_linear()),
        "inverse": market.sub_type.map(|_| market.is_inverse()),
        "expiryDatetime": market.expiry.and_then(iso8601),
    });
    if let (Value::Object(value), Value::Object(derived)) = (&mut value, derived) {
        value.extend(derived);
        // What our model has no place for, as no exchange of ours lists it.
        for kind in ["stock", "index"] {
            if expected.get(kind).as_bool() == Some(false) {
                value.insert(kind.to_owned(), Value::Bool(false));
            }
        }
    }
    value
}
