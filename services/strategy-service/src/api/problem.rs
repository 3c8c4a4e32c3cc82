//! From errors of use cases to problems.

use tradai_control_plane::{Error, RequestFault};
use tradai_service::{Code, FieldFault, Problem};

/// Turns an error of a use case into a problem.
pub(super) fn problem(error: Error) -> Problem {
    match error {
        Error::Request(faults) => Problem::fields(faults.into_iter().map(field_fault).collect()),
        Error::StrategyChanged { .. } => Problem::new(Code::PreconditionFailed, error.to_string()),
        Error::StrategyExists { .. } => {
            let detail = format!("{error}: send If-Match with the ETag of GET /api/v1/strategies/{{name}}");
            Problem::new(Code::Conflict, detail)
        }
        other => {
            let retry_after = other.retry_after();
            let problem = Problem::from_error(other.kind(), other);
            retry_after.map_or(problem.clone(), |after| problem.retry_after(after))
        }
    }
}

/// Use cases speak of a config and a file; requests have them in `config_data` and as the body.
fn field_fault(fault: RequestFault) -> FieldFault {
    let RequestFault { field, reason, .. } = fault;
    let pointer = match field {
        "config" => "/config_data".to_owned(),
        "file" => String::new(),
        field => format!("/{field}"),
    };
    FieldFault::body(pointer, reason)
}
