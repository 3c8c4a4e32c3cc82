//! From errors of use cases to problems.

use std::time::Duration;

use tradai_control_plane::{Error, RequestFault};
use tradai_service::{Code, FieldFault, Place, Problem};

/// When to come back while as many jobs run as may.
const BUSY: Duration = Duration::from_secs(30);
/// When to come back while the service stops: another one may have taken its place.
const LATER: Duration = Duration::from_secs(5);

/// Turns an error of a use case into a problem; `place` is where the request had its values.
pub(super) fn problem(error: Error, place: Place) -> Problem {
    match error {
        Error::Request(faults) => {
            Problem::fields(faults.into_iter().map(|fault| field_fault(fault, place)).collect())
        }
        Error::TooManyJobs { .. } => Problem::new(Code::Overloaded, error.to_string()).retry_after(BUSY),
        Error::Stopping => Problem::new(Code::NotReady, error.to_string()).retry_after(LATER),
        Error::StaleRevision { .. } => Problem::new(Code::PreconditionFailed, error.to_string()),
        other => {
            let retry_after = other.retry_after();
            let problem = Problem::from_error(other.kind(), other);
            retry_after.map_or(problem.clone(), |after| problem.retry_after(after))
        }
    }
}

fn field_fault(fault: RequestFault, place: Place) -> FieldFault {
    let RequestFault { field, index, reason, .. } = fault;
    let pointer = match index.filter(|_| place == Place::Body) {
        Some(index) => format!("/{field}/{index}"),
        None => format!("/{field}"),
    };
    FieldFault { place, pointer, reason }
}
