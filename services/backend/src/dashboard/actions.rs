//! What buttons do to jobs. Each leads back to a page.

use tradai_control_plane::jobs::Requester;
use tradai_domain::JobId;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract::{Path, State};
use tradai_service::axum::response::Redirect;
use tradai_service::{Caller, RequestIds};

use super::failure::{Failure, require};
use super::state::Dashboard;
use crate::infrastructure::peer::PeerTrace;

pub(super) async fn cancel(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    require(&caller, Role::Trader)?;
    let id = job_id(&id)?;
    state.core.backtests.cancel(id, &requester(&caller, &ids, None)).await?;
    Ok(Redirect::to(&format!("/jobs/{id}")))
}

pub(super) async fn delete(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    require(&caller, Role::Admin)?;
    state.core.backtests.delete(job_id(&id)?, &requester(&caller, &ids, None)).await?;
    Ok(Redirect::to("/jobs"))
}

/// Returns who asks, and in which trace.
pub(super) fn requester(caller: &Caller, ids: &RequestIds, key: Option<&str>) -> Requester {
    Requester {
        actor: caller.name.clone(),
        trace_id: Some(ids.trace_id),
        idempotency_key: key.map(ToOwned::to_owned),
        via: caller.via.clone(),
    }
}

/// Returns what calls of other services for a request belong to.
pub(super) fn trace(ids: &RequestIds) -> PeerTrace {
    PeerTrace { traceparent: ids.traceparent(), correlation_id: ids.correlation_id() }
}

/// Reads a job's id; what is no id names no job.
pub(super) fn job_id(text: &str) -> Result<JobId, Failure> {
    text.parse().map_err(|_| Failure::not_found("There is no such job: its id is a UUID."))
}
