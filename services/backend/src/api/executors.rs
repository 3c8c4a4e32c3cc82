//! How jobs are run.

use serde::Serialize;
use tradai_control_plane::jobs::executors::ExecutorSettings;
use tradai_domain::jobs::ExecutorMode;
use tradai_service::Json;
use tradai_service::axum::extract;
use tradai_service::utoipa::{self, ToSchema};

use super::state::State;

/// How jobs are run, and what other ways would need.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ExecutorsBody {
    /// The way that is set.
    #[schema(example = "local")]
    mode: &'static str,
    /// How local jobs are run.
    #[schema(example = "subprocess")]
    local_execution_mode: &'static str,
    /// Whether jobs are taken.
    takes_jobs: bool,
    /// Jobs that run at the same time.
    parallel_jobs: usize,
    modes: Vec<ModeBody>,
}

/// One way.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ModeBody {
    mode: &'static str,
    /// Whether it is the one that is set.
    selected: bool,
    /// Variables that it needs and that are not set.
    missing: Vec<&'static str>,
}

impl ExecutorsBody {
    pub(crate) fn new(settings: &ExecutorSettings, takes_jobs: bool, parallel_jobs: usize) -> Self {
        let way = |mode: ExecutorMode| ModeBody {
            mode: mode.as_str(),
            selected: mode == settings.mode,
            missing: ExecutorSettings { mode, ..settings.clone() }.missing(),
        };
        Self {
            mode: settings.mode.as_str(),
            local_execution_mode: settings.local_mode.as_str(),
            takes_jobs,
            parallel_jobs,
            modes: ExecutorMode::ALL.map(way).into(),
        }
    }
}

/// Shows how jobs are run
#[utoipa::path(get, path = "/api/v1/executors", operation_id = "show_executors", tag = "operation",
    responses((status = 200, body = ExecutorsBody)))]
pub(super) async fn show(extract::State(state): extract::State<State>) -> Json<ExecutorsBody> {
    Json(state.executors.clone())
}
