//! The service in process, over the embedded adapters in a folder of its own.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tradai_control_plane::configs::Variables;
use tradai_domain::ManualClock;
use tradai_platform::settings::{Inputs, load};
use tradai_platform::wiring::Wiring;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_service::{App, Shutdown};
use tradai_strategy_service::{Parts, Settings, StrategyFolder, build};
pub(crate) use tradai_testkit::http::{Reply, send};

/// 2024-01-01.
const START: i64 = 1_704_067_200_000;

/// A small strategy.
pub(crate) const DIP: &str = r#"strategy: {name: Dip, version: "1.0.0", timeframe: 5m, category: mean_reversion}
defaults: {stake_amount: 100, max_open_trades: 3, symbols: [BTC/USDT]}
settings: {stoploss: -0.05, minimal_roi: {"0": 0.04}}
signals:
  parameters:
    dip: {type: int, default: 30, range: [15, 40], space: buy}
  indicators: {rsi: {indicator: rsi, timeperiod: 14}}
  entry: [{when: rsi < dip, tag: dip}]
"#;

/// A service, and what is behind it.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) wiring: Wiring,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: Arc<TempDir>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With settings of its own.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), variables)
    }

    /// Another instance of the service, on the same folder and state.
    pub(crate) fn beside(&self) -> Self {
        Self::on(self.folder.clone(), &[])
    }

    fn on(folder: Arc<TempDir>, variables: &[(&str, &str)]) -> Self {
        let mut inputs = Inputs::default().variable("TRADAI_DATA_DIR", &folder.path().display().to_string());
        for (name, value) in variables {
            inputs = inputs.variable(name, value);
        }
        let settings = load::<Settings>(&inputs).unwrap().settings;
        let clock = Arc::new(ManualClock::at(START));
        let wiring = Wiring { clock: clock.clone(), ..Wiring::open(&settings.state, []).unwrap() };
        let environment = [("MLFLOW_TRACKING_URI".to_owned(), "http://ann:hunter2@mlflow:5000".to_owned())];
        let names = ["MLFLOW_TRACKING_URI".to_owned()];
        let parts = Parts {
            wiring: wiring.clone(),
            folder: StrategyFolder::open(&settings.strategy_path).unwrap(),
            variables: Variables::named(environment, &names),
        };
        let app = build(&settings, parts, &Shutdown::manual());
        Self { app, wiring, clock, folder }
    }

    /// The folder of strategies.
    pub(crate) fn strategies(&self) -> std::path::PathBuf {
        self.folder.path().join("strategies")
    }

    pub(crate) fn put_file(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.strategies().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        send(self.app.router.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(format!("/api/v1/{path}")).body(Body::empty()).unwrap()).await
    }

    /// POST with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.post_with(path, body, &[]).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::post(format!("/api/v1/{path}"));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// POST of a YAML file.
    pub(crate) async fn post_file(&self, path: &str, text: &str, headers: &[(&str, &str)]) -> Reply {
        let headers = [headers, &[("content-type", "application/yaml")]].concat();
        self.post_with(path, text, &headers).await
    }

    /// Pushes a config of EmaCross and returns its id.
    #[track_caller]
    pub(crate) fn push<'a>(&'a self, config: &str) -> impl Future<Output = String> + use<'a> {
        self.push_of("EmaCross", config)
    }

    pub(crate) fn push_of<'a>(
        &'a self,
        strategy: &str,
        config: &str,
    ) -> impl Future<Output = String> + use<'a> {
        let (path, body) =
            (format!("strategies/{strategy}/configs"), format!(r#"{{"config_data": {config}}}"#));
        async move {
            let reply = self.post(&path, &body).await;
            assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
            reply.json()["config_id"].as_str().unwrap().to_owned()
        }
    }

    pub(crate) async fn audit(&self) -> Vec<String> {
        let entries = self.wiring.audit.list(None, 100).await.unwrap();
        let entries = entries.into_iter().rev();
        entries.map(|(_, entry)| format!("{} {} {}", entry.actor, entry.action, entry.subject)).collect()
    }
}
