//! Which candles are collected every hour or day.

use serde::{Deserialize, Serialize};
use tradai_control_plane::data::{Every, Schedule, ScheduleBook};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract;
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, ETag, IfMatch, Json, Place, Problem, RequestIds};

use super::parse::{Fields, requester};
use super::problem::problem;
use super::series_view::date;
use super::state::State;

/// One incremental sync that is repeated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleBody {
    /// Unique name: letters, digits, `-` and `_`.
    #[schema(example = "majors-hourly")]
    name: String,
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// The markets; every stored one of the timeframe when left out.
    #[serde(default)]
    symbols: Vec<String>,
    /// Length of the candles.
    #[schema(example = "1h")]
    timeframe: String,
    /// From when symbols are collected of which nothing is stored.
    start: Option<String>,
    /// `hour` or `day`.
    every: String,
    /// The hour of a daily one, UTC, 0 to 23; 0 when left out.
    #[serde(default)]
    hour: u8,
    /// The minute, 0 to 59; 1 when left out, so that the last candle is there.
    #[serde(default = "first_minute")]
    minute: u8,
    /// Whether it runs.
    #[serde(default = "yes")]
    enabled: bool,
}

fn first_minute() -> u8 {
    1
}

fn yes() -> bool {
    true
}

/// The schedules to be put in place of all others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SchedulesBody {
    schedules: Vec<ScheduleBody>,
}

/// One schedule, and what it does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScheduleView {
    name: String,
    exchange: Option<String>,
    symbols: Vec<String>,
    timeframe: &'static str,
    start: Option<String>,
    /// `hour` or `day`.
    every: &'static str,
    hour: Option<u8>,
    minute: u8,
    enabled: bool,
    /// When it is due next; `null` when it does not run.
    next_run: Option<String>,
    /// When it was last due while this service ran.
    last_run: Option<String>,
    /// The job that it started then.
    last_job_id: Option<String>,
    /// Why it started none.
    last_error: Option<String>,
}

/// All schedules.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SchedulesReply {
    schedules: Vec<ScheduleView>,
}

/// Lists the schedules
///
/// The `ETag` names their revision.
#[utoipa::path(get, path = "/api/v1/schedules", operation_id = "read_schedules", tag = "schedules", responses((status = 200, body = SchedulesReply)))]
pub(super) async fn read(
    extract::State(state): extract::State<State>,
) -> Result<(ETag, Json<SchedulesReply>), Problem> {
    let book = state.schedules.load().await.map_err(|error| problem(error, Place::Body))?;
    Ok(present(&state, &book))
}

/// Replaces the schedules
///
/// `If-Match` names the revision that they replace, as `ETag` named it.
#[utoipa::path(put, path = "/api/v1/schedules", tag = "schedules", request_body = SchedulesBody,
    params(("If-Match" = String, Header, description = "The revision that is replaced")),
    responses((status = 200, body = SchedulesReply),
        (status = 412, description = "Somebody else replaced them first"), (status = 422)))]
pub(super) async fn replace(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    if_match: IfMatch,
    Json(body): Json<SchedulesBody>,
) -> Result<(ETag, Json<SchedulesReply>), Problem> {
    caller.require(Role::Trader)?;
    let expected = if_match.version()?;
    let mut fields = Fields::of_body();
    let mut schedules = Vec::with_capacity(body.schedules.len());
    for (at, schedule) in body.schedules.iter().enumerate() {
        schedules.extend(parse_schedule(&mut fields, at, schedule));
    }
    fields.finish()?;
    let book = state.changes.replace_schedules(expected, schedules, &requester(&caller, &ids)).await;
    Ok(present(&state, &book.map_err(|error| problem(error, Place::Body))?))
}

fn parse_schedule(fields: &mut Fields, at: usize, body: &ScheduleBody) -> Option<Schedule> {
    let place = |name: &str| format!("schedules/{at}/{name}");
    let every = match body.every.as_str() {
        "hour" => Every::Hour { minute: body.minute },
        "day" => Every::Day { hour: body.hour, minute: body.minute },
        other => {
            fields.fault(&place("every"), format!("`{other}` is not known; one of hour, day"));
            Every::Hour { minute: 0 }
        }
    };
    let exchange = body.exchange.as_deref().map(|text| fields.parse(&place("exchange"), text));
    let symbols = body.symbols.iter().enumerate();
    let symbols: Vec<_> =
        symbols.filter_map(|(at, text)| fields.parse(&place(&format!("symbols/{at}")), text)).collect();
    Some(Schedule {
        name: body.name.clone(),
        exchange: exchange.flatten(),
        symbols,
        timeframe: fields.parse(&place("timeframe"), &body.timeframe)?,
        start: fields.date(&place("start"), body.start.as_deref()),
        every,
        enabled: body.enabled,
    })
}

fn present(state: &State, book: &ScheduleBook) -> (ETag, Json<SchedulesReply>) {
    let (now, runs) = (state.clock.now_ms(), state.scheduler.runs());
    let view = |schedule: &Schedule| {
        let run = runs.get(&schedule.name);
        let runs_here = schedule.enabled && state.scheduler_enabled;
        let (every, hour, minute) = match schedule.every {
            Every::Hour { minute } => ("hour", None, minute),
            Every::Day { hour, minute } => ("day", Some(hour), minute),
        };
        ScheduleView {
            name: schedule.name.clone(),
            exchange: schedule.exchange.as_ref().map(ToString::to_string),
            symbols: schedule.symbols.iter().map(ToString::to_string).collect(),
            timeframe: schedule.timeframe.as_str(),
            start: schedule.start.map(date),
            every,
            hour,
            minute,
            enabled: schedule.enabled,
            next_run: runs_here.then(|| date(schedule.every.next(now))),
            last_run: run.map(|run| date(run.due)),
            last_job_id: run.and_then(|run| run.job_id).map(|id| id.to_string()),
            last_error: run.and_then(|run| run.error.clone()),
        }
    };
    (ETag::new(&book.revision), Json(SchedulesReply { schedules: book.schedules.iter().map(view).collect() }))
}
