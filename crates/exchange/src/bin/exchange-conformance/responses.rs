//! Replies to the unified model.

use std::path::Path;

use tradai_exchange::{HttpReply, Json, Reply};

use crate::report::{Case, Outcome, Report};
use crate::venue::Venue;
use crate::{compare, files, input};

pub(crate) fn run(venue: &Venue, path: &Path, report: &mut Report) -> Result<(), String> {
    let folder = path.join("response");
    for method in files::json_files(&folder)? {
        files::for_each_case(&folder.join(format!("{method}.json")), |json| {
            let case = Case { exchange: &venue.name, kind: "response", method: &method, json };
            let outcome = check(venue, &case);
            report.add(&case, outcome);
        })?;
    }
    Ok(())
}

fn check(venue: &Venue, case: &Case<'_>) -> Outcome {
    let body = case.json.get("httpResponse").to_string();
    let request =
        input::request(case.method, case.json.get("input")).map_err(|error| format!("input: {error}"))?;
    let reply = HttpReply { status: 200, retry_after: None, body: body.as_bytes() };
    // The reference recorded replies without looking whether they are errors, unless the case says so.
    let errors_count = !case.json.get("expect_error").is_null();
    let parsed = match venue.adapter.find_error("", &reply).filter(|_| errors_count) {
        Some(error) => Err(error),
        None => venue.adapter.parse(&request, body.as_bytes(), &venue.context()),
    };
    if let Some(wanted) = case.json.get("expect_error").as_str() {
        return match parsed {
            Err(error) if error.class.name() == wanted => Ok(()),
            Err(error) => Err(format!("expected {wanted}, got {error}")),
            Ok(_) => Err(format!("expected {wanted}, got a reply")),
        };
    }
    let ours = match parsed.map_err(|error| format!("refused: {error}"))? {
        Reply::Acknowledged(text) => serde_json::from_str(&text),
        reply => serde_json::to_value(&reply),
    };
    let ours = ours.map_err(|error| error.to_string())?;
    let outcome = compare::same(case.json.get("expect"), &ours);
    if case.method == "fetchOrderBook" && outcome.is_err() {
        compare::same(&pairs_only(case.json.get("expect")), &ours)?;
        return Err("levels: the reference has further columns".to_owned());
    }
    outcome
}

/// Returns an order book whose levels are price and amount only.
fn pairs_only<'a>(book: &Json<'a>) -> Json<'a> {
    let pair = |level: &Json<'a>| Json::List(level.items().iter().take(2).cloned().collect());
    let members = book.members().iter().map(|(name, value)| {
        let levels = name == "bids" || name == "asks";
        let value = if levels { Json::List(value.items().iter().map(pair).collect()) } else { value.clone() };
        (name.clone(), value)
    });
    Json::Map(members.collect())
}
