//! The strategy-service in this process, for a data folder that no platform runs on.
//!
//! One that runs elsewhere on the same folder is not in its way: they share `state.db` as instances do. Nothing
//! listens; requests go to its router.

use serde_json::Value;
use tower::ServiceExt as _;
use tradai_platform::settings;
use tradai_platform::settings::sections::AuthSettings;
use tradai_service::Shutdown;
use tradai_service::axum::Router;
use tradai_service::axum::body::{Body, to_bytes};
use tradai_service::axum::http;
use tradai_strategy_service::Settings;

use super::{Answer, MAX_REPLY, RemoteError, Request, value};
use crate::context::{Context, shown};

/// See the module.
#[derive(Debug)]
pub(crate) struct InProcess {
    router: Router,
    folder: String,
}

impl InProcess {
    /// Makes the service. Must be called within a runtime.
    ///
    /// # Errors
    /// When its settings cannot be used, or the folder cannot be opened.
    pub(super) async fn strategy_service(ctx: &Context) -> anyhow::Result<Self> {
        let folder = shown(&ctx.data_dir);
        let mut inputs = ctx.inputs.clone().variable("TRADAI_DATA_DIR", &folder);
        // Those of a service that listens do not matter here.
        for variable in ["DATA_DIR", "HOST", "PORT"] {
            inputs.environment.remove(&format!("{}{variable}", <Settings as settings::Settings>::PREFIX));
        }
        let mut settings = settings::load::<Settings>(&inputs)?.settings;
        // Whoever can write the folder may do what the service does.
        settings.http.auth = AuthSettings::Open;
        let app = tradai_strategy_service::start(&settings, &Shutdown::manual()).await;
        let app = app.map_err(|error| anyhow::anyhow!("{folder}: {error}"))?;
        Ok(Self { router: app.router, folder })
    }

    pub(super) fn folder(&self) -> &str {
        &self.folder
    }

    pub(super) async fn send(&self, request: Request) -> Result<Value, RemoteError> {
        let strange = |what: String| RemoteError::Strange { address: self.folder.clone(), what };
        let mut builder =
            http::Request::builder().method(request.method).uri(request.path).header("host", "localhost");
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(Body::from(request.body)).map_err(|error| strange(error.to_string()))?;
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), MAX_REPLY).await;
        let body = body.map_err(|error| strange(error.to_string()))?.to_vec();
        value(&self.folder, &Answer { status, body })
    }
}
