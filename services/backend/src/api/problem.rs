//! From errors of use cases to problems.

use std::time::Duration;

use tradai_control_plane::{Error, RequestFault};
use tradai_domain::JobId;
use tradai_service::{Code, FieldFault, Place, Problem};

/// When to come back while something is away, where nobody says.
const LATER: Duration = Duration::from_secs(5);

/// When to come back while as many jobs wait as may: jobs take from seconds to hours.
const ROOM: Duration = Duration::from_secs(30);

/// Turns an error of a use case into a problem.
pub(super) fn problem(error: Error) -> Problem {
    let about = job_of(&error);
    let problem = match error {
        Error::Request(faults) => Problem::fields(faults.into_iter().map(field_fault).collect()),
        Error::TooManyWaiting { .. } => Problem::new(Code::RateLimited, error.to_string()).retry_after(ROOM),
        Error::KeyReused => Problem::new(Code::KeyReused, Code::KeyReused.meaning()),
        Error::Stopping | Error::NoExecutor => {
            Problem::new(Code::NotReady, error.to_string()).retry_after(LATER)
        }
        // Texts of ports are for people: they name what is away.
        Error::Port(error) if error.is_transient() => {
            Problem::new(Code::Unavailable, error.to_string()).retry_after(error.retry_after.unwrap_or(LATER))
        }
        other => {
            let retry_after = other.retry_after();
            let problem = Problem::from_error(other.kind(), other);
            retry_after.map_or(problem.clone(), |after| problem.retry_after(after))
        }
    };
    about.map_or(problem.clone(), |id| problem.job(id))
}

/// Returns the job that an error is about.
fn job_of(error: &Error) -> Option<JobId> {
    match error {
        Error::NoSuchJob { id }
        | Error::JobEnded { id, .. }
        | Error::JobActive { id, .. }
        | Error::NoResult { id, .. } => Some(*id),
        _ => None,
    }
}

fn field_fault(fault: RequestFault) -> FieldFault {
    let RequestFault { field, index, key, reason } = fault;
    let mut pointer = format!("/{field}");
    if let Some(index) = index {
        pointer.push_str(&format!("/{index}"));
    }
    // Levels of a key are apart by dots, those of a pointer by slashes.
    for part in key.iter().flat_map(|key| key.split('.')) {
        pointer.push_str(&format!("/{}", part.replace('~', "~0").replace('/', "~1")));
    }
    FieldFault { place: Place::Body, pointer, reason }
}
