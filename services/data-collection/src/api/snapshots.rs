//! Versions of many series under one name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradai_domain::SeriesKey;
use tradai_domain::ports::Snapshot;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract;
use tradai_service::axum::http::StatusCode;
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, Json, Place, Problem, Query, RequestIds};

use super::parse::{Fields, parse_store_symbol, requester};
use super::problem::problem;
use super::series_view::date;
use super::state::State;
use super::symbols::ExchangeQuery;

/// A snapshot: its versions stay readable under its name, whatever happens to the series.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SnapshotBody {
    name: String,
    created_at: String,
    /// Series and the version of each.
    versions: BTreeMap<String, u64>,
}

impl From<Snapshot> for SnapshotBody {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            name: snapshot.name,
            created_at: date(snapshot.created),
            versions: snapshot.versions.into_iter().collect(),
        }
    }
}

/// The snapshots of an exchange.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SnapshotsReply {
    /// By name.
    items: Vec<SnapshotBody>,
}

/// Lists snapshots
#[utoipa::path(get, path = "/api/v1/snapshots", operation_id = "list_snapshots", tag = "store", params(ExchangeQuery),
    responses((status = 200, body = SnapshotsReply)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    Query(query): Query<ExchangeQuery>,
) -> Result<Json<SnapshotsReply>, Problem> {
    let found = state.catalog.snapshots(query.parse()?.as_ref()).await;
    let items = found.map_err(|error| problem(error, Place::Query))?;
    Ok(Json(SnapshotsReply { items: items.into_iter().map(SnapshotBody::from).collect() }))
}

/// What to hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSnapshot {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// Its name: 1 to 80 bytes, not taken yet.
    #[schema(example = "paper-2024")]
    name: String,
    /// Series such as `BTC_USDT_1h`; all stored ones when left out.
    keys: Option<Vec<String>>,
}

/// Takes a snapshot of the newest versions
#[utoipa::path(post, path = "/api/v1/snapshots", tag = "store", request_body = NewSnapshot,
    responses((status = 201, body = SnapshotBody), (status = 409, description = "The name is taken")))]
pub(super) async fn create(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    Json(body): Json<NewSnapshot>,
) -> Result<(StatusCode, Json<SnapshotBody>), Problem> {
    caller.require(Role::Trader)?;
    let mut fields = Fields::of_body();
    let exchange = fields.exchange(body.exchange.as_deref());
    let mut keys: Option<Vec<SeriesKey>> = body.keys.as_ref().map(|_| Vec::new());
    for (at, text) in body.keys.iter().flatten().enumerate() {
        match (parse_store_symbol(text), &mut keys) {
            (Ok(key), Some(keys)) => keys.push(key),
            _ => fields.fault(&format!("keys/{at}"), "is no series; write BTC_USDT_1h"),
        }
    }
    if keys.as_ref().is_some_and(Vec::is_empty) {
        fields.fault("keys", "names no series; leave it out for all of them");
    }
    fields.finish()?;
    let requester = requester(&caller, &ids);
    let made =
        state.changes.create_snapshot(exchange.as_ref(), &body.name, keys.as_deref(), &requester).await;
    let made = made.map_err(|error| problem(error, Place::Body))?;
    Ok((StatusCode::CREATED, Json(made.into())))
}
