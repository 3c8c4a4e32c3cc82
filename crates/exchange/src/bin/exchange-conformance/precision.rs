//! Rounding to market rules.

use std::path::Path;

use tradai_exchange::{Error, Json, amount_to_precision, cost_to_precision, price_to_precision};

use crate::files;
use crate::report::{Case, Outcome, Report};
use crate::venue::Venue;

pub(crate) fn run(venue: &Venue, path: &Path, report: &mut Report) -> Result<(), String> {
    files::for_each_case(&path.join("precision.json"), |json| {
        let case = Case { exchange: &venue.name, kind: "precision", method: "precision", json };
        let outcome = check(venue, json);
        report.add(&case, outcome);
    })
}

fn check(venue: &Venue, json: &Json<'_>) -> Outcome {
    let symbol = json.get("symbol").as_str().unwrap_or_default();
    let symbol = symbol.parse().map_err(|_| "no symbol".to_owned())?;
    let market = venue.markets.get(&symbol).map_err(|error| error.to_string())?;
    let value = json.first(&["value_str", "value"]).as_decimal().ok_or("no value")?;
    same("amount", json.get("amount_to_precision"), &amount_to_precision(market, value))?;
    same("price", json.get("price_to_precision"), &price_to_precision(market, value))?;
    same("cost", json.get("cost_to_precision"), &Ok(cost_to_precision(market, value)))
}

fn same(what: &str, wanted: &Json<'_>, ours: &Result<String, Error>) -> Outcome {
    let class = wanted.get("error").as_str();
    match (ours, class) {
        (Ok(text), None) if wanted.is_null() || wanted.as_str() == Some(text) => Ok(()),
        (Err(error), Some(class)) if error.class.name() == class => Ok(()),
        _ => Err(format!("{what}: expected {wanted}, got {ours:?}")),
    }
}
