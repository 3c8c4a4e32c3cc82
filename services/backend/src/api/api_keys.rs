//! API keys: those of the settings, shown, and those of the state, made and revoked.

use std::fmt;
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tradai_control_plane::Error;
use tradai_control_plane::api_keys::{ApiKeyRequest, ApiKeys, SecretTraces};
use tradai_domain::access::{ApiKeyId, ApiKeyRecord};
use tradai_platform::settings::sections::{ApiKeySetting, AuthSettings, KeyScope, Role};
use tradai_platform::wiring::Wiring;
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::axum::{Extension, extract};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{
    Caller, Code, IDEMPOTENCY_REPLAYED, IdempotencyKey, Json, Page, PageQuery, Path, Problem, Query,
    RequestIds, StoredKeys, new_secret, page_links,
};

use super::job_view::date;
use super::problem::problem;
use super::state::State;
use super::submit::requester;

/// What the id of a key of the settings begins with; its name follows.
const SETTINGS: &str = "settings:";

/// All keys that this service knows.
pub(crate) struct KeyRing {
    keys: ApiKeys,
    stored: Arc<StoredKeys>,
    settings: Vec<ApiKeySetting>,
    is_open: bool,
}

impl KeyRing {
    pub(crate) fn new(wiring: &Wiring, stored: Arc<StoredKeys>, auth: &AuthSettings) -> Self {
        let (settings, is_open) = match auth {
            AuthSettings::Required(credentials) => (credentials.keys.clone(), false),
            _ => (Vec::new(), true),
        };
        let names = settings.iter().map(|key| key.name.clone());
        let Wiring { api_keys, audit, clock, ids, .. } = wiring.clone();
        Self { keys: ApiKeys::new(api_keys, audit, clock, ids, names), stored, settings, is_open }
    }

    /// Lets a new key count here at once; elsewhere it does within seconds.
    async fn refresh(&self) {
        if let Err(error) = self.stored.refresh().await {
            tracing::warn!(%error, "a new API key counts here once they can be read: {error}");
        }
    }

    fn of_settings(&self, id: &str) -> Option<&ApiKeySetting> {
        let name = id.strip_prefix(SETTINGS)?;
        self.settings.iter().find(|key| key.name == name)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")
    }
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewApiKeyBody {
    /// Who is to hold it, as the audit log will have them: 1 to 64 letters, digits, `.`, `_`, `-` and `@`.
    #[schema(example = "ci")]
    name: String,
    /// `viewer`, `trader` or `admin`.
    #[schema(example = "trader")]
    role: String,
    /// When it ends: a day, `2027-01-01`, or a moment; never when left out.
    #[schema(example = "2027-01-01")]
    expires_at: Option<String>,
}

/// A key, without what lets in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiKeyBody {
    /// What it is revoked by: a UUID, or `settings:` and the name.
    #[schema(example = "018cc251-f400-7000-8000-000000000001")]
    id: String,
    name: String,
    /// `viewer`, `trader` or `admin`.
    #[schema(example = "trader")]
    role: String,
    /// `state`, or `settings`: those end when they are taken out of `BACKEND_API_KEYS` and the service starts again.
    #[schema(example = "state")]
    source: &'static str,
    /// Whether a service of the platform holds it, and may say for whom it asks.
    is_service: bool,
    /// The key's last four characters; `null` where they are not known.
    ending: Option<String>,
    created_at: Option<String>,
    created_by: Option<String>,
    /// When it ends; `null` for never.
    expires_at: Option<String>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct IssuedApiKeyBody {
    #[serde(flatten)]
    shown: ApiKeyBody,
    /// The key, this once; `null` where an earlier request with the same `Idempotency-Key` was told it.
    key: Option<String>,
}

impl ApiKeyBody {
    fn stored(record: &ApiKeyRecord) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name.to_string(),
            role: record.role.to_string(),
            source: "state",
            is_service: false,
            ending: Some(record.ending.clone()),
            created_at: Some(date(record.created_at)),
            created_by: Some(record.created_by.clone()),
            expires_at: record.expires_at.map(date),
        }
    }

    fn of_settings(key: &ApiKeySetting) -> Self {
        Self {
            id: format!("{SETTINGS}{}", key.name),
            name: key.name.clone(),
            role: key.role.to_string(),
            source: "settings",
            is_service: key.scope == KeyScope::Service,
            ending: None,
            created_at: None,
            created_by: None,
            expires_at: None,
        }
    }
}

/// Lists the API keys
///
/// Ordered by name; also those that the settings of this service give. What lets in is shown nowhere.
#[utoipa::path(get, path = "/api/v1/api-keys", operation_id = "list_api_keys", tag = "auth", params(PageQuery),
    responses((status = 200, body = Page<ApiKeyBody>), (status = 403, description = "For the role admin")))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    caller: Caller,
    uri: Uri,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Page<ApiKeyBody>>), Problem> {
    caller.require(Role::Admin)?;
    let (limit, after): (usize, Option<(String, String)>) =
        (page.limit()?, state.cursors.open("api-keys", &page)?);
    let stored = state.keys.keys.list().await.map_err(problem)?;
    let stored = stored.iter().map(ApiKeyBody::stored);
    let mut keys: Vec<_> = state.keys.settings.iter().map(ApiKeyBody::of_settings).chain(stored).collect();
    // Another instance's settings may give a name that a stored key has here.
    keys.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    keys.retain(|key| after.as_ref().is_none_or(|(name, id)| (&key.name, &key.id) > (name, id)));
    let has_more = keys.len() > limit;
    keys.truncate(limit);
    let last = keys.last().filter(|_| has_more);
    let next_cursor = last.map(|key| state.cursors.seal("api-keys", &(&key.name, &key.id)));
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items: keys, next_cursor })))
}

/// Makes an API key
///
/// The reply shows the key, this once; only its hash is kept. Every service on the same data folder lets it in within
/// seconds. A repeated request with the same `Idempotency-Key` makes no other key, and is not told this one again.
#[utoipa::path(post, path = "/api/v1/api-keys", operation_id = "create_api_key", tag = "auth",
    request_body = NewApiKeyBody, params(("Idempotency-Key" = Option<String>, Header)), responses(
    (status = 201, body = IssuedApiKeyBody, headers(("Location" = String, description = "The key's entry"))),
    (status = 403, description = "For the role admin"),
    (status = 409, description = "The name has a key, as many keys are kept as may, or nobody is asked who they are"),
    (status = 422, description = "Values are not allowed"),
))]
pub(super) async fn create(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(body): Json<NewApiKeyBody>,
) -> Result<Response, Problem> {
    caller.require(Role::Admin)?;
    if state.keys.is_open {
        // It would lie in wait until somebody is asked, made by who knows whom.
        let detail =
            "nobody is asked who they are here; set BACKEND_API_KEYS, with a key of the role admin, first";
        return Err(Problem::new(Code::Conflict, detail));
    }
    let requester = tradai_control_plane::jobs::Requester { idempotency_key, ..requester(&caller, &ids) };
    let NewApiKeyBody { name, role, expires_at } = body;
    let made = new_secret().ok_or_else(|| Problem::new(Code::Unavailable, "the system has no randomness"))?;
    let traces = SecretTraces { hash: made.hash, ending: made.ending };
    let request = ApiKeyRequest { name, role, expires_at };
    let issued = state.keys.keys.create(&request, traces, &requester).await.map_err(problem)?;
    state.keys.refresh().await;
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(format!("/api/v1/api-keys/{}", issued.record.id)) {
        headers.insert(header::LOCATION, location);
    }
    if issued.replayed {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    let key = (!issued.replayed).then(|| made.key.expose_secret().to_owned());
    let body = IssuedApiKeyBody { shown: ApiKeyBody::stored(&issued.record), key };
    Ok((StatusCode::CREATED, headers, Json(body)).into_response())
}

/// Shows an API key
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", operation_id = "show_api_key", tag = "auth",
    params(("id" = String, Path)), responses(
    (status = 200, body = ApiKeyBody),
    (status = 403, description = "For the role admin"),
    (status = 404, description = "There is no such key"),
))]
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ApiKeyBody>, Problem> {
    caller.require(Role::Admin)?;
    if let Some(key) = state.keys.of_settings(&id) {
        return Ok(Json(ApiKeyBody::of_settings(key)));
    }
    let record = state.keys.keys.get(key_id(&id)?).await.map_err(problem)?;
    Ok(Json(ApiKeyBody::stored(&record)))
}

/// Revokes an API key
///
/// It counts here at once, and for every service on the same data folder within seconds, also for sessions, tickets and
/// sockets that were made from it.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", operation_id = "revoke_api_key", tag = "auth",
    params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 403, description = "For the role admin"),
    (status = 404, description = "There is no such key"),
    (status = 409, description = "The key is one of the settings"),
))]
pub(super) async fn revoke(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Role::Admin)?;
    if let Some(key) = state.keys.of_settings(&id) {
        let detail = format!("the key of {} is in the settings: take it out of BACKEND_API_KEYS", key.name);
        return Err(Problem::new(Code::Conflict, detail));
    }
    let id = key_id(&id)?;
    let revoked = state.keys.keys.revoke(id, &requester(&caller, &ids)).await;
    // Also where it was revoked before: this service may not know yet.
    if matches!(revoked, Ok(_) | Err(Error::NoSuchApiKey { .. })) {
        state.keys.stored.forget(id).await;
    }
    revoked.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a key's id; what is no id names no key.
fn key_id(text: &str) -> Result<ApiKeyId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound, "there is no such API key"))
}
