//! What the registry of models is told of a strategy, as tags of a model.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};
use tradai_domain::configs::{ConfigStatus, ConfigVersion};
use tradai_domain::{StrategyName, Symbol, Timeframe};

use crate::configs::MergedConfig;
use crate::{Error, RequestFault};

/// How much goes into a trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stake {
    /// So many units of stake currency.
    Amount(f64),
    /// An equal share of the whole balance.
    Unlimited,
}

impl fmt::Display for Stake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(amount) => amount.fmt(f),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl FromStr for Stake {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let amount = text.parse().ok().filter(|amount: &f64| amount.is_finite());
        amount.map(Self::Amount).ok_or("a number or `unlimited` is needed")
    }
}

/// What a deployment says of its strategy. Texts are never empty; what is not known is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyMetadata {
    /// The strategy.
    pub strategy_name: StrategyName,
    /// Its version.
    pub strategy_version: Option<String>,
    /// Candle length.
    pub timeframe: Option<Timeframe>,
    /// What kind of strategy it is.
    pub category: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Where its config version is in its life.
    pub status: Option<ConfigStatus>,
    /// Whether it sells short.
    pub can_short: Option<bool>,
    /// What it trades.
    pub pairs: Vec<Symbol>,
    /// How much goes into a trade.
    pub stake_amount: Option<Stake>,
    /// How many trades may be open at once; -1 for any number.
    pub max_open_trades: Option<i64>,
    /// Days of candles before a session begins.
    pub warmup_days: Option<u32>,
    /// How its candles are stored.
    pub data_format: Option<String>,
    /// The config version that it runs with.
    pub configuration_file: Option<String>,
    /// The model that it asks.
    pub freqai_model: Option<String>,
    /// Where its image is.
    pub ecr_url: Option<String>,
    /// What its author says of it.
    pub description: Option<String>,
    /// Words to find it by; without commas.
    pub tags: Vec<String>,
}

impl StrategyMetadata {
    /// Returns what a config says of a strategy; `version` is the one that is part of it.
    ///
    /// # Errors
    /// [`Error::Request`] with every value that is not what its key needs, and a name that is another strategy's.
    pub fn of(
        name: &StrategyName,
        config: &MergedConfig,
        version: Option<&ConfigVersion>,
    ) -> Result<Self, Error> {
        let mut reader = Reader { texts: texts(&config.values), faults: Vec::new() };
        let metadata = reader.metadata(name);
        if reader.texts.get("strategy_name").is_some_and(|other| other != name.as_str()) {
            reader.faults.push(format!("strategy_name: is another strategy's; this is {name}"));
        }
        reader.finish(Self {
            status: version.map(|version| version.status),
            configuration_file: version.map(|version| version.config_id.to_string()),
            ..metadata
        })
    }

    /// Returns the tags of a model; what is not known has none.
    #[must_use]
    pub fn to_mlflow_tags(&self) -> BTreeMap<String, String> {
        fn text(value: Option<&impl ToString>) -> Option<String> {
            value.map(ToString::to_string)
        }
        fn list<T: ToString>(items: &[T]) -> Option<String> {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            (!items.is_empty()).then(|| items.join(","))
        }
        let tags = [
            ("strategy_name", Some(self.strategy_name.to_string())),
            ("strategy_version", self.strategy_version.clone()),
            ("timeframe", text(self.timeframe.as_ref())),
            ("category", self.category.clone()),
            ("author", self.author.clone()),
            ("status", text(self.status.as_ref())),
            ("can_short", text(self.can_short.as_ref())),
            ("pairs", list(&self.pairs)),
            ("stake_amount", text(self.stake_amount.as_ref())),
            ("max_open_trades", text(self.max_open_trades.as_ref())),
            ("warmup_days", text(self.warmup_days.as_ref())),
            ("data_format", self.data_format.clone()),
            ("configuration_file", self.configuration_file.clone()),
            ("freqai_model", self.freqai_model.clone()),
            ("ecr_url", self.ecr_url.clone()),
            ("description", self.description.clone()),
            ("tags", list(&self.tags)),
        ];
        tags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// Returns what the tags of a model say; tags of others are not looked at.
    ///
    /// # Errors
    /// [`Error::Request`] with every tag that cannot be read.
    pub fn from_mlflow_tags(tags: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut reader = Reader { texts: tags.clone(), faults: Vec::new() };
        let Some(name) = reader.parsed("strategy_name") else {
            if !tags.contains_key("strategy_name") {
                reader.faults.push("strategy_name: is missing".to_owned());
            }
            return Err(reader.into_error());
        };
        let metadata = reader.metadata(&name);
        reader.finish(metadata)
    }
}

/// Values of a config as tags have them.
fn texts(values: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let items =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            Some(items.collect::<Vec<_>>().join(","))
        }
        other => Some(other.to_string()),
    };
    let renamed = |key: &str| if key == "symbols" { "pairs" } else { key }.to_owned();
    values.iter().filter_map(|(key, value)| Some((renamed(key), text(value)?))).collect()
}

/// Reads texts by name and collects what is wrong.
struct Reader {
    texts: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Reader {
    fn metadata(&mut self, name: &StrategyName) -> StrategyMetadata {
        StrategyMetadata {
            strategy_name: name.clone(),
            strategy_version: self.text("strategy_version"),
            timeframe: self.parsed("timeframe"),
            category: self.text("category"),
            author: self.text("author"),
            status: self.parsed("status"),
            can_short: self.parsed("can_short"),
            pairs: self.list("pairs"),
            stake_amount: self.parsed("stake_amount"),
            max_open_trades: self.parsed("max_open_trades"),
            warmup_days: self.parsed("warmup_days"),
            data_format: self.text("data_format"),
            configuration_file: self.text("configuration_file"),
            freqai_model: self.text("freqai_model"),
            ecr_url: self.text("ecr_url"),
            description: self.text("description"),
            tags: self.list("tags"),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.texts.get(name).filter(|text| !text.is_empty()).cloned()
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error| self.faults.push(format!("{name}: `{text:.40}`: {error}"))).ok()
    }

    fn list<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Vec<T> {
        let Some(text) = self.text(name) else { return Vec::new() };
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let mut read = Vec::new();
        for item in items {
            match item.parse() {
                Ok(item) => read.push(item),
                Err(error) => self.faults.push(format!("{name}: `{item:.40}`: {error}")),
            }
        }
        read
    }

    fn finish(self, metadata: StrategyMetadata) -> Result<StrategyMetadata, Error> {
        if self.faults.is_empty() { Ok(metadata) } else { Err(self.into_error()) }
    }

    fn into_error(self) -> Error {
        let faults = self.faults.into_iter();
        Error::Request(faults.map(|reason| RequestFault::new("config", reason)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::configs::{ConfigSources, merge};

    fn text() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[^,]{1,20}")
    }

    prop_compose! {
        fn metadata()(
            texts in proptest::collection::vec(text(), 8),
            name in "[A-Za-z_][A-Za-z0-9_-]{0,20}",
            timeframe in proptest::option::of(proptest::sample::select(vec![Timeframe::M1, Timeframe::H4])),
            status in proptest::option::of(proptest::sample::select(ConfigStatus::ALL.to_vec())),
            can_short in any::<Option<bool>>(),
            pairs in proptest::collection::vec("[A-Z]{2,5}/USDT(:USDT)?", 0..4),
            stake in proptest::option::of(prop_oneof![
                (-1e12..1e12).prop_map(Stake::Amount), Just(Stake::Unlimited),
            ]),
            counts in any::<(Option<i64>, Option<u32>)>(),
            tags in proptest::collection::vec("[a-z0-9]([a-z ]{0,5}[a-z])?", 0..4),
        ) -> StrategyMetadata {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().flatten();
            StrategyMetadata {
                strategy_name: name.parse().unwrap(),
                strategy_version: text(),
                timeframe,
                category: text(),
                author: text(),
                status,
                can_short,
                pairs: pairs.iter().map(|pair| pair.parse().unwrap()).collect(),
                stake_amount: stake,
                max_open_trades: counts.0,
                warmup_days: counts.1,
                data_format: text(),
                configuration_file: text(),
                freqai_model: text(),
                ecr_url: text(),
                description: text(),
                tags,
            }
        }
    }

    proptest! {
        #[test]
        fn tags_say_what_they_were_made_of(metadata in metadata()) {
            let tags = metadata.to_mlflow_tags();
            prop_assert!(tags.values().all(|value| !value.is_empty()));
            prop_assert_eq!(StrategyMetadata::from_mlflow_tags(&tags).unwrap(), metadata);
        }
    }

    fn merged(json: &str) -> MergedConfig {
        let tradai_yaml = serde_json::from_str(json).unwrap();
        merge(&ConfigSources { tradai_yaml, ..ConfigSources::default() }).unwrap()
    }

    #[test]
    fn a_config_becomes_tags_that_are_part_of_a_config_again() {
        let config = merged(
            r#"{"strategy": {"name": "Demo", "version": "1.2.0", "timeframe": "1h", "category": "momentum"},
                "defaults": {"symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"], "stake_amount": 100,
                             "max_open_trades": 3}, "tags": ["a", "b"], "author": "ann"}"#,
        );
        let mut version = ConfigVersion::draft("Demo".parse().unwrap(), 4, Map::new(), None, 1);
        version.activate(2);
        let name: StrategyName = "Demo".parse().unwrap();
        let tags = StrategyMetadata::of(&name, &config, Some(&version)).unwrap().to_mlflow_tags();
        let expected = [
            ("author", "ann"),
            ("category", "momentum"),
            ("configuration_file", version.config_id.as_str()),
            ("max_open_trades", "3"),
            ("pairs", "BTC/USDT:USDT,ETH/USDT:USDT"),
            ("stake_amount", "100"),
            ("status", "active"),
            ("strategy_name", "Demo"),
            ("strategy_version", "1.2.0"),
            ("tags", "a,b"),
            ("timeframe", "1h"),
        ];
        let found: Vec<(&str, &str)> =
            tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
        // The layer of model tags gives back the values that they were made of.
        let again = merge(&ConfigSources { model_tags: tags, ..ConfigSources::default() }).unwrap();
        for key in ["timeframe", "symbols", "stake_amount", "max_open_trades", "category", "strategy_version"]
        {
            assert_eq!(again.values[key], config.values[key], "{key}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_at_once() {
        let name: StrategyName = "Demo".parse().unwrap();
        let config = merged(
            r#"{"strategy_name": "Other", "symbols": ["BTC"], "stake_amount": "all", "warmup_days": -1,
                "can_short": "maybe"}"#,
        );
        let text = StrategyMetadata::of(&name, &config, None).unwrap_err().to_string();
        for key in ["strategy_name: is another", "pairs: `BTC`", "stake_amount: `all`", "warmup_days: `-1`"] {
            assert!(text.contains(key), "{key} in {text}");
        }
        assert!(StrategyMetadata::from_mlflow_tags(&BTreeMap::new()).is_err());
    }
}
