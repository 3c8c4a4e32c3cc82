//! Strategies declared in `tradai.yaml`, without a compiler.
//!
//! [`DeclarativeStrategy::from_yaml`] turns the text of a file into a [`Strategy`](crate::Strategy), or into every
//! fault that it has, each with file, line, key and what is allowed. [`StrategyFile`] holds the parts that the
//! platform's services read. What can be written is described in `docs/guides/strategies.md`.
//!
//! Only what an entry rule, an exit rule or a hook rests on is computed; other indicators are checked and then
//! left alone.

mod compile;
mod declaration;
mod error;
mod file;
mod hook_compile;
mod hooks;
mod knowledge;
mod lower;
mod names;
mod parameters;
mod plan;
mod rules;
mod run;
mod schema;
mod section;
mod settings;
mod strategy;
mod summary;
mod yaml;

pub use error::{DeclarativeError, Fault};
pub use file::{
    Deployment, MlflowSection, Optimization, OptimizationRun, StrategyFile, StrategyHeader, StrategyService,
};
pub use parameters::{Parameter, ParameterKind, ParameterValue};
pub use rules::RuleSide;
pub use schema::schema;
pub use strategy::{DeclarativeStrategy, ParameterError};
pub use summary::{IndicatorSummary, RuleSummary, StrategySummary};
