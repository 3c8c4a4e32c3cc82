//! What a platform does not do, and why.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;
use tradai_domain::ErrorKind;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// This is no address of a service.
    #[error("{address} is no address of a platform: {reason}")]
    Address { address: String, reason: String },
    /// Nobody answers.
    #[error(
        "no platform at {address}: {reason}; start one with `tradai up`, or say where it is with --url, and where its \
         strategy-service is, if on another port than the documented one, with TRADAI_STRATEGY_SERVICE_URL"
    )]
    Unreachable {
        address: String,
        reason: &'static str,
        /// Whether the request may have arrived, and only its answer is missing.
        is_answer_lost: bool,
    },
    /// No platform is known to run on the data folder.
    #[error(
        "no platform runs on {folder}; start one with `tradai up`, or say where it is with --url{}",
        beside(elsewhere.as_deref())
    )]
    NoPlatform {
        folder: String,
        /// Where one answers that nobody named.
        elsewhere: Option<String>,
    },
    /// Somebody answers, but not as a service of ours would.
    #[error("{address} does not answer as a platform of this version would: {what}")]
    Strange { address: String, what: String },
    /// The service refuses, and says why.
    #[error("{}", .0.text())]
    Problem(Box<Problem>),
}

/// A problem document, RFC 9457.
#[derive(Debug)]
pub(crate) struct Problem {
    status: u16,
    fields: ProblemFields,
    /// The document as it came.
    document: Value,
}

#[derive(Debug, Deserialize)]
struct ProblemFields {
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    trace_id: Option<String>,
    #[serde(default)]
    errors: Vec<FieldFault>,
}

#[derive(Debug, Deserialize)]
struct FieldFault {
    #[serde(default)]
    pointer: String,
    #[serde(default)]
    reason: String,
}

impl RemoteError {
    /// Returns the error of an answer that is no success.
    pub(super) fn of_answer(address: &str, status: u16, body: &[u8]) -> Self {
        let document: Option<Value> = serde_json::from_slice(body).ok();
        let fields = document.as_ref().and_then(|document| ProblemFields::deserialize(document).ok());
        match document.zip(fields) {
            Some((document, fields)) => Self::Problem(Box::new(Problem { status, fields, document })),
            None => Self::Strange { address: address.to_owned(), what: format!("it answers {status}") },
        }
    }

    /// Returns what to do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Address { .. } => ErrorKind::Invalid,
            Self::Unreachable { .. } | Self::NoPlatform { .. } => ErrorKind::Unavailable,
            Self::Strange { .. } => ErrorKind::Internal,
            Self::Problem(problem) => problem.kind(),
        }
    }

    /// Returns whether the service may have done what was asked, although its answer did not come.
    pub(crate) fn is_answer_lost(&self) -> bool {
        matches!(self, Self::Unreachable { is_answer_lost: true, .. })
    }

    /// Returns whether the service said that what was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.status == 404)
    }

    /// Returns the problem document, where the service sent one.
    pub(crate) fn document(&self) -> Option<&Value> {
        match self {
            Self::Problem(problem) => Some(&problem.document),
            _ => None,
        }
    }
}

/// What was come upon in place of the platform that was looked for.
fn beside(elsewhere: Option<&str>) -> String {
    elsewhere.map(|address| format!(" (one answers at {address}, if that is meant)")).unwrap_or_default()
}

impl Problem {
    fn kind(&self) -> ErrorKind {
        match self.status {
            404 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Conflict,
            408 | 429 | 502..=504 => ErrorKind::Unavailable,
            400..=499 => ErrorKind::Invalid,
            _ if self.fields.code == "SYS005" => ErrorKind::Data,
            _ => ErrorKind::Internal,
        }
    }

    fn text(&self) -> String {
        let ProblemFields { title, detail, code, trace_id, errors } = &self.fields;
        // Where one value is wrong, the detail is what is said of it below.
        let is_said = errors.first().is_some_and(|fault| detail.ends_with(&fault.reason));
        let mut text =
            if detail.is_empty() || is_said { title.clone() } else { format!("{title}: {detail}") };
        for fault in errors {
            // Writing to a String does not fail.
            write!(text, "\n  {}: {}", fault.name(), fault.reason).unwrap_or_default();
        }
        if self.status == 401 {
            text.push_str(
                "\n  TRADAI_API_KEY is what the key is read from; it goes to a platform that --url (TRADAI_URL) names \
                 or that runs on the data folder, and to no other",
            );
        }
        if self.kind() == ErrorKind::Internal {
            let trace = trace_id.as_deref().unwrap_or("-");
            write!(text, "\n  {code}, trace {trace}: the service's log has the reason").unwrap_or_default();
        }
        text
    }
}

impl FieldFault {
    /// `/symbols/1` as people write it: `symbols[1]`.
    fn name(&self) -> String {
        let mut name = String::new();
        for part in self.pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
                name.push_str(&format!("[{part}]"));
            } else if name.is_empty() {
                name = part;
            } else {
                name.push_str(&format!(".{part}"));
            }
        }
        if name.is_empty() { "request".to_owned() } else { name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> RemoteError {
        RemoteError::of_answer("http://h", status, body.as_bytes())
    }

    #[test]
    fn a_problem_is_told_with_its_fields() {
        let error = error(
            422,
            r#"{"type": "/problems/VAL002", "title": "Invalid value", "detail": "2 values", "code": "VAL002",
                "errors": [{"in": "body", "pointer": "/symbols/1", "reason": "is no pair"},
                           {"in": "body", "pointer": "/settings/a~1b", "reason": "is unknown"},
                           {"in": "body", "pointer": "", "reason": "is empty"}]}"#,
        );
        assert_eq!(
            error.to_string(),
            "Invalid value: 2 values\n  symbols[1]: is no pair\n  settings.a/b: is unknown\n  request: is empty"
        );
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.document().unwrap()["code"], "VAL002");
        let one = r#"{"title": "Invalid value", "detail": "/strategy: there is none", "code": "VAL002",
            "errors": [{"in": "body", "pointer": "/strategy", "reason": "there is none"}]}"#;
        let one = self::error(422, one);
        assert_eq!(one.to_string(), "Invalid value\n  strategy: there is none");
    }

    #[test]
    fn the_status_decides_what_to_do() {
        let kinds = [
            (404, "RES001", ErrorKind::NotFound),
            (409, "RES002", ErrorKind::Conflict),
            (401, "AUTH001", ErrorKind::Invalid),
            (429, "SYS004", ErrorKind::Unavailable),
            (503, "EXT001", ErrorKind::Unavailable),
            (500, "SYS005", ErrorKind::Data),
            (500, "SYS001", ErrorKind::Internal),
        ];
        for (status, code, kind) in kinds {
            let error = error(status, &format!(r#"{{"title": "T", "code": "{code}"}}"#));
            assert_eq!(error.kind(), kind, "{status} {code}");
        }
        assert!(error(401, r#"{"title": "T"}"#).to_string().contains("TRADAI_API_KEY"));
        let strange = error(502, "<html>");
        assert!(strange.to_string().contains("it answers 502"), "{strange}");
    }
}
