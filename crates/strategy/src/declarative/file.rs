//! The parts of `tradai.yaml` that the platform's services read: who the strategy is, where its candles come from,
//! how it is optimised and deployed.
//!
//! Texts such as `${MLFLOW_TRACKING_URI:-http://localhost:5001}` are kept as they stand. They are resolved where the
//! sources of a config are merged (`tradai_control_plane::configs::merge`), which has the environment.

use std::path::Path;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use tradai_domain::{StrategyName, Timeframe};

use super::error::{DeclarativeError, Fault};
use super::section::{Faults, Section};
use super::yaml::{self, Node};

/// Keys of the file; those that begin with `x-` are free for anchors and notes.
const TOP_LEVEL: &[&str] = &[
    "strategy",
    "settings",
    "signals",
    "hooks",
    "strategy_service",
    "defaults",
    "mlflow",
    "optimization",
    "deployment",
];

/// `strategy`: who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrategyHeader {
    /// Its name.
    pub name: String,
    /// Its version, such as `1.0.0`.
    pub version: String,
    /// What runs it: `declarative`, or what a Python class is called (`package.module:Class`).
    pub entry_point: String,
    /// What kind of strategy it is, such as `momentum`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Candle length.
    pub timeframe: Timeframe,
    /// One line for lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// `strategy_service`: where candles come from and where they go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StrategyService {
    /// `source.KIND`, such as `Binance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_kind: Option<String>,
    /// `adapter.KIND`, such as `AWS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter_kind: Option<String>,
    /// `adapter.bucket_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_name: Option<String>,
    /// `adapter.library`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

/// `mlflow` (at the top or under `strategy_service`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MlflowSection {
    /// Address of the tracking server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_uri: Option<String>,
    /// Where runs are filed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_name: Option<String>,
    /// Whether parameters are logged without being asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_log_params: Option<bool>,
}

/// How an optimisation runs: `optimization.defaults`, or one of the presets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct OptimizationRun {
    /// Number of trials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// What is minimised, such as `sharpe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_function: Option<String>,
    /// Spaces of parameters that are searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spaces: Option<Vec<String>>,
    /// Whether windows walk forward through time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub walk_forward: Option<bool>,
}

/// `optimization`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Optimization {
    /// What holds for every run.
    pub defaults: OptimizationRun,
    /// Named variations.
    pub presets: IndexMap<String, OptimizationRun>,
}

/// `deployment`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Deployment {
    /// `ecr.repository`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// `ecs.cpu`, in units of which 1024 are one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u64>,
    /// `ecs.memory`, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// A `tradai.yaml`, whether its strategy is declared in it or lives elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyFile {
    /// `strategy`.
    pub strategy: StrategyHeader,
    /// `strategy_service`.
    pub strategy_service: StrategyService,
    /// `mlflow`.
    pub mlflow: MlflowSection,
    /// `optimization`.
    pub optimization: Optimization,
    /// `deployment`.
    pub deployment: Deployment,
    pub(crate) root: Node,
}

impl StrategyFile {
    /// Parses the text of a file; `file` is its name in errors.
    ///
    /// # Errors
    /// [`DeclarativeError`] with every fault of these parts. `settings`, `signals` and `hooks` are checked by
    /// [`crate::DeclarativeStrategy::from_yaml`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, DeclarativeError> {
        let root = yaml::parse(text).map_err(|fault| DeclarativeError::new(file, vec![fault]))?;
        let mut faults = Faults::new();
        let parsed = Self::read(root, &mut faults);
        match parsed {
            Some(parsed) if faults.is_empty() => Ok(parsed),
            _ => Err(DeclarativeError::new(file, faults)),
        }
    }

    /// Reads what there is. With faults, the result is good enough to look for further ones.
    pub(crate) fn read(root: Node, faults: &mut Faults) -> Option<Self> {
        let top = Section::open(&root, "", faults)?;
        let free = top.entries().filter(|(key, ..)| key.starts_with("x-")).map(|(key, ..)| key);
        let allowed: Vec<&str> = TOP_LEVEL.iter().copied().chain(free).collect();
        top.allow(&allowed, faults);
        let strategy = match top.section("strategy", faults) {
            Some(section) => header(&section, faults),
            None if top.find("strategy").is_some() => None,
            None => {
                top.missing("strategy", "it holds name, version, entry_point and timeframe", faults);
                None
            }
        };
        let service = top.section("strategy_service", faults);
        let nested = service.as_ref().and_then(|service| service.section("mlflow", faults));
        let mlflow = top.section("mlflow", faults).or(nested);
        let parts = (
            service.map(|section| strategy_service(&section, faults)).unwrap_or_default(),
            mlflow.map(|section| mlflow_section(&section, faults)).unwrap_or_default(),
            top.section("optimization", faults)
                .map(|section| optimization(&section, faults))
                .unwrap_or_default(),
            top.section("deployment", faults).map(|section| deployment(&section, faults)).unwrap_or_default(),
        );
        let (strategy_service, mlflow, optimization, deployment) = parts;
        let strategy = strategy?;
        Some(Self { strategy, strategy_service, mlflow, optimization, deployment, root })
    }

    /// Returns whether the file declares its strategy (has a section `signals`).
    #[must_use]
    pub fn is_declarative(&self) -> bool {
        self.root.find("signals").is_some()
    }

    /// Returns the whole file as JSON, variables in texts not resolved: the weakest source of a config. What the header
    /// says are texts, whatever YAML takes them for: a version 1.10 is not 1.1.
    #[must_use]
    pub fn document(&self) -> Map<String, Json> {
        let Json::Object(mut map) = self.root.to_json() else { return Map::new() };
        let header = self.root.find("strategy").and_then(Node::entries).unwrap_or_default();
        if let Some(Json::Object(strategy)) = map.get_mut("strategy") {
            for entry in header {
                strategy.extend(entry.node.text().map(|text| (entry.key.clone(), text.into())));
            }
        }
        map
    }

    /// Returns the section `defaults`, which may stand at the top or under `strategy_service`, with its path.
    pub(crate) fn defaults(&self) -> Option<(&Node, &'static str)> {
        let top = self.root.find("defaults").map(|node| (node, "defaults"));
        let nested = || {
            let node = self.root.find("strategy_service")?.find("defaults")?;
            Some((node, "strategy_service.defaults"))
        };
        top.or_else(nested)
    }
}

fn header(section: &Section<'_>, faults: &mut Faults) -> Option<StrategyHeader> {
    section.allow(&["name", "version", "entry_point", "category", "timeframe", "summary"], faults);
    let name = section.text("name", faults);
    match &name {
        None => section.missing("name", "a text such as EmaCross is needed", faults),
        Some(name) => {
            if let Some(fault) = name_fault(name) {
                let place = section.find("name").map_or(section.place(), |node| node.place);
                faults.push(Fault::new(place, &section.key("name"), fault));
            }
        }
    }
    if section.find("timeframe").is_none() {
        section.missing("timeframe", "a candle length such as 5m is needed", faults);
    }
    Some(StrategyHeader {
        version: section.text("version", faults).unwrap_or_else(|| "0.0.0".to_owned()),
        entry_point: section.text("entry_point", faults).unwrap_or_else(|| "declarative".to_owned()),
        category: section.text("category", faults),
        timeframe: section.parsed("timeframe", faults).unwrap_or(Timeframe::M5),
        summary: section.text("summary", faults),
        name: name?,
    })
}

/// Names end up in paths, tags and addresses: a strategy that loads can be named everywhere else.
pub(crate) fn name_fault(name: &str) -> Option<String> {
    name.parse::<StrategyName>().err().map(|error| error.to_string())
}

fn strategy_service(section: &Section<'_>, faults: &mut Faults) -> StrategyService {
    section.allow(&["source", "adapter", "defaults", "mlflow"], faults);
    let source = section.section("source", faults);
    let adapter = section.section("adapter", faults);
    if let Some(source) = &source {
        source.allow(&["KIND"], faults);
    }
    if let Some(adapter) = &adapter {
        adapter.allow(&["KIND", "bucket_name", "library"], faults);
    }
    let mut text = |section: &Option<Section<'_>>, key| section.as_ref()?.text(key, faults);
    StrategyService {
        source_kind: text(&source, "KIND"),
        adapter_kind: text(&adapter, "KIND"),
        bucket_name: text(&adapter, "bucket_name"),
        library: text(&adapter, "library"),
    }
}

fn mlflow_section(section: &Section<'_>, faults: &mut Faults) -> MlflowSection {
    section.allow(&["tracking_uri", "experiment_name", "auto_log_params"], faults);
    MlflowSection {
        tracking_uri: section.text("tracking_uri", faults),
        experiment_name: section.text("experiment_name", faults),
        auto_log_params: section.flag("auto_log_params", faults),
    }
}

fn optimization(section: &Section<'_>, faults: &mut Faults) -> Optimization {
    section.allow(&["defaults", "presets"], faults);
    let defaults = section.section("defaults", faults);
    let mut result = Optimization {
        defaults: defaults.map(|section| optimization_run(&section, faults)).unwrap_or_default(),
        presets: IndexMap::new(),
    };
    let Some(presets) = section.section("presets", faults) else { return result };
    for (name, _, node) in presets.entries() {
        if let Some(preset) = Section::open(node, &presets.key(name), faults) {
            result.presets.insert(name.to_owned(), optimization_run(&preset, faults));
        }
    }
    result
}

fn optimization_run(section: &Section<'_>, faults: &mut Faults) -> OptimizationRun {
    section.allow(&["epochs", "loss_function", "spaces", "walk_forward"], faults);
    OptimizationRun {
        epochs: section.count("epochs", faults),
        loss_function: section.text("loss_function", faults),
        spaces: section.texts("spaces", faults),
        walk_forward: section.flag("walk_forward", faults),
    }
}

fn deployment(section: &Section<'_>, faults: &mut Faults) -> Deployment {
    section.allow(&["ecr", "ecs"], faults);
    let ecr = section.section("ecr", faults);
    let ecs = section.section("ecs", faults);
    if let Some(ecr) = &ecr {
        ecr.allow(&["repository"], faults);
    }
    if let Some(ecs) = &ecs {
        ecs.allow(&["cpu", "memory"], faults);
    }
    Deployment {
        repository: ecr.and_then(|ecr| ecr.text("repository", faults)),
        cpu: ecs.as_ref().and_then(|ecs| ecs.count("cpu", faults)),
        memory: ecs.as_ref().and_then(|ecs| ecs.count("memory", faults)),
    }
}
