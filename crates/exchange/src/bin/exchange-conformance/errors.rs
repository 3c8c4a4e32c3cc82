//! Failed answers to error classes.

use std::path::Path;

use tradai_exchange::HttpReply;

use crate::files;
use crate::report::{Case, Outcome, Report};
use crate::venue::Venue;

pub(crate) fn run(venue: &Venue, path: &Path, report: &mut Report) -> Result<(), String> {
    files::for_each_case(&path.join("errors.json"), |json| {
        let case = Case { exchange: &venue.name, kind: "errors", method: "errors", json };
        let outcome = check(venue, &case);
        report.add(&case, outcome);
    })
}

fn check(venue: &Venue, case: &Case<'_>) -> Outcome {
    let status = case.json.get("http_status").as_i64().and_then(|status| u16::try_from(status).ok());
    let body = case.json.get("body").as_str().unwrap_or_default();
    let reply = HttpReply { status: status.unwrap_or(200), retry_after: None, body: body.as_bytes() };
    let found = venue.adapter.find_error(case.json.get("url").as_str().unwrap_or_default(), &reply);
    let wanted = case.json.get("expect_error").as_str();
    match (wanted, found) {
        (None, None) => Ok(()),
        (Some(wanted), Some(error)) if error.class.name() == wanted => Ok(()),
        (wanted, found) => {
            Err(format!("expected {wanted:?}, got {:?}", found.map(|error| error.class.name())))
        }
    }
}
