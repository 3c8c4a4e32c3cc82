//! Rules that all exchanges share.

use std::path::Path;

use tradai_exchange::base::signing::{hex, hmac_sha256};
use tradai_exchange::base::{
    Counting, Padding, Rounding, build_ohlcvc, decimal_to_precision, iso8601, number_to_string, parse8601,
    timeframe_seconds,
};
use tradai_exchange::model::Trade;
use tradai_exchange::{Decimal, ErrorClass, Json};

use crate::report::{Case, Outcome, Report};
use crate::{compare, files};

type Check = fn(&Json<'_>) -> Outcome;

const CHECKS: &[(&str, Check)] = &[
    ("precise", precise),
    ("decimal_to_precision", rounding),
    ("number_to_string", number),
    ("iso8601", |case| same(case, case.get("in").as_i64().and_then(iso8601))),
    ("parse8601", |case| same(case, case.get("in").as_str().and_then(parse8601))),
    ("parse_timeframe", |case| same(case, case.get("in").as_str().and_then(timeframe_seconds))),
    ("signing", signing),
    ("build_ohlcvc", candles),
];

pub(crate) fn run(path: &Path, report: &mut Report) -> Result<(), String> {
    for (name, check) in CHECKS {
        files::for_each_case(&path.join(format!("{name}.json")), |json| {
            let case = Case { exchange: "base", kind: "base", method: name, json };
            report.add(&case, check(json));
        })?;
    }
    if let Some(bytes) = files::read(&path.join("error_hierarchy.json"))? {
        let json = Json::parse(&bytes).map_err(|error| error.to_string())?;
        let case = Case { exchange: "base", kind: "base", method: "error_hierarchy", json: &json };
        report.add(&case, hierarchy(&json, None));
    }
    Ok(())
}

fn same(case: &Json<'_>, ours: Option<impl serde::Serialize>) -> Outcome {
    compare::same(case.get("expect"), &serde_json::to_value(ours).unwrap_or_default())
}

fn same_text(case: &Json<'_>, ours: Option<&str>) -> Outcome {
    let wanted = case.get("expect").as_str();
    if wanted == ours { Ok(()) } else { Err(format!("expected {wanted:?}, got {ours:?}")) }
}

/// Quotients have 18 digits after the point.
const PLACES: u32 = 18;

fn precise(case: &Json<'_>) -> Outcome {
    let number = |name: &str| case.get(name).as_decimal().ok_or_else(|| format!("no number {name}"));
    let (a, b) = (number("a")?, number("b")?);
    let result = match case.get("op").as_str().unwrap_or_default() {
        "string_add" => a.checked_add(b),
        "string_sub" => a.checked_sub(b),
        "string_mul" => a.checked_mul(b),
        "string_div" => a.div(b, PLACES),
        "string_mod" => a.modulo(b),
        "string_abs" => Some(a.abs()),
        "string_neg" => Some(a.negate()),
        "string_min" => Some(a.min(b)),
        "string_max" => Some(a.max(b)),
        "string_gt" => return same(case, Some(a > b)),
        "string_ge" => return same(case, Some(a >= b)),
        "string_lt" => return same(case, Some(a < b)),
        "string_le" => return same(case, Some(a <= b)),
        "string_eq" | "string_equals" => return same(case, Some(a == b)),
        other => return Err(format!("we have no operation {other}")),
    };
    same_text(case, result.map(|result| result.to_string()).as_deref())
}

fn rounding(case: &Json<'_>) -> Outcome {
    let word = |name: &str| case.get(name).as_str().unwrap_or_default();
    let rounding = if word("rounding") == "ROUND" { Rounding::Round } else { Rounding::Truncate };
    let counting = match word("counting") {
        "TICK_SIZE" => Counting::TickSize,
        "SIGNIFICANT_DIGITS" => Counting::SignificantDigits,
        _ => Counting::DecimalPlaces,
    };
    let padding = if word("padding") == "PAD_WITH_ZERO" { Padding::Zeros } else { Padding::None };
    let number = |name: &str| case.get(name).as_decimal().ok_or_else(|| format!("no number {name}"));
    let rounded = decimal_to_precision(number("value")?, rounding, number("precision")?, counting, padding);
    same_text(case, rounded.as_deref())
}

fn number(case: &Json<'_>) -> Outcome {
    let value = case.get("in").as_str().and_then(|text| text.parse().ok());
    same_text(case, value.and_then(number_to_string).as_deref())
}

fn signing(case: &Json<'_>) -> Outcome {
    let text = |name: &str| case.get(name).as_str().unwrap_or_default().as_bytes();
    match case.get("alg").as_str() {
        Some("HMAC-SHA256-hex") => same_text(case, Some(&hex(&hmac_sha256(text("secret"), text("payload"))))),
        other => Err(format!("we do not sign with {other:?}")),
    }
}

fn candles(case: &Json<'_>) -> Outcome {
    let seconds = case.get("timeframe").as_str().and_then(timeframe_seconds).ok_or("no timeframe")?;
    let trade = |row: &Json<'_>| Trade {
        timestamp: row.get("timestamp").as_millis(),
        price: row.get("price").as_decimal(),
        amount: row.get("amount").as_decimal(),
        ..Trade::default()
    };
    let trades: Vec<Trade> = case.get("trades").items().iter().map(trade).collect();
    let built = build_ohlcvc(&trades, seconds * 1_000, case.get("since").as_millis());
    let row =
        |c: &tradai_exchange::base::Ohlcvc| (c.open_time, c.open, c.high, c.low, c.close, c.volume, c.count);
    same(
        case,
        Some(built.iter().map(row).collect::<Vec<(i64, Decimal, Decimal, Decimal, Decimal, Decimal, u32)>>()),
    )
}

fn hierarchy(json: &Json<'_>, parent: Option<ErrorClass>) -> Outcome {
    for (name, children) in json.members() {
        let class = ErrorClass::from_name(name).ok_or_else(|| format!("we have no class {name}"))?;
        if class.parent() != parent {
            return Err(format!("{name} is not below {parent:?}"));
        }
        hierarchy(children, Some(class))?;
    }
    Ok(())
}
