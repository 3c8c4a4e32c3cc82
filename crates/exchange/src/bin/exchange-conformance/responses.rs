//! Replies to the unified model.

use std::path::Path;

use tradai_exchange::{HttpReply, Reply};

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
    compare::same(case.json.get("expect"), &ours.map_err(|error| error.to_string())?)
}
