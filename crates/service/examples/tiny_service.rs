//! The smallest service, with a route that takes its time: tests stop it while it is answering.

use std::process::ExitCode;
use std::time::Duration;

use tradai_platform::settings::sections::{HttpSettings, LogSettings};
use tradai_platform::settings::{Inputs, Reader, Settings};
use tradai_service::axum::routing::get;
use tradai_service::utoipa_axum::router::OpenApiRouter;
use tradai_service::{Caller, Command, HttpHost, Service};

struct Tiny {
    http: HttpSettings,
    log: LogSettings,
}

impl Settings for Tiny {
    const SERVICE: &'static str = "tiny-service";
    const PREFIX: &'static str = "TINY_";
    const ABOUT: &'static str = "Answers, in its own time.";

    fn read(reader: &mut Reader<'_>) -> Self {
        Self { http: HttpSettings::read(reader, 8099), log: LogSettings::read(reader) }
    }
}

impl HttpHost for Tiny {
    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }
}

async fn slow() -> &'static str {
    tracing::info!("slow has begun");
    tokio::time::sleep(Duration::from_secs(2)).await;
    "done"
}

async fn stuck() -> &'static str {
    tracing::info!("stuck has begun");
    std::future::pending().await
}

async fn who(caller: Caller) -> String {
    format!("{} {}", caller.name, caller.role)
}

/// Something else that the program does, without settings: it ends with what a variable says.
fn end(inputs: &Inputs) -> ExitCode {
    ExitCode::from(inputs.get("TINY_END").and_then(|code| code.parse().ok()).unwrap_or(u8::MAX))
}

fn main() -> ExitCode {
    let end = Command { name: "end", about: "End as a variable says", run: end };
    tradai_service::run_with(&[end], |settings: Tiny, shutdown| async move {
        let routes = OpenApiRouter::new()
            .route("/slow", get(slow))
            .route("/stuck", get(stuck))
            .route("/caller", get(who));
        Ok(Service::new("tiny-service", env!("CARGO_PKG_VERSION"), &settings.http, &shutdown)
            .routes(routes)
            .build())
    })
}
