//! What is said once the platform is up.

use std::path::Path;

use serde_json::{Value, json};

use super::demo::STRATEGY;
use super::plan::Plan;
use super::running::Running;
use crate::context::shown;

/// The words of a platform that is up.
pub(super) struct Started<'a> {
    pub(super) running: &'a Running,
    pub(super) folder: &'a Path,
    pub(super) plan: &'a Plan,
}

impl Started<'_> {
    /// One JSON document.
    pub(super) fn json(&self) -> Value {
        json!({
            "pid": self.running.pid,
            "data_dir": self.folder,
            "open_to_this_machine": self.plan.is_open(),
            "urls": {
                "backend": self.running.backend,
                "data_collection": self.running.data_collection,
                "strategy_service": self.running.strategy_service,
                "sandbox": self.running.sandbox,
            },
        })
    }

    pub(super) fn text(&self) -> String {
        let Running { backend, data_collection, strategy_service, sandbox, .. } = self.running;
        let mut text = format!(
            "TradAI is up, with everything in {}; Ctrl-C stops it.\n\n  \
             dashboard         {backend}\n  \
             API               {backend}/docs\n  \
             data-collection   {data_collection}/docs\n  \
             strategy-service  {strategy_service}/docs\n",
            shown(self.folder)
        );
        if let Some(sandbox) = sandbox {
            text.push_str(&format!("  sandbox exchange  {sandbox} (made-up candles)\n"));
        }
        if self.plan.is_open() {
            text.push_str("\nOpen to everybody on this machine: no API keys are set.\n");
        }
        text.push_str(&self.next());
        text
    }

    fn next(&self) -> String {
        if self.running.sandbox.is_none() {
            return "\nCandles: `tradai data import` or `tradai data sync`; `tradai up --demo` begins with sample \
                    candles."
                .to_owned();
        }
        format!(
            "\nOpen the dashboard and submit EmaCross, or in another terminal:\n  \
             tradai --data-dir {} backtest submit EmaCross --watch\n\
             A strategy to change: {}",
            shown(self.folder),
            shown(&self.folder.join("strategies").join(STRATEGY).join("tradai.yaml"))
        )
    }
}
