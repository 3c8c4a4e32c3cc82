//! `signals.indicators`: columns with names.

use indexmap::IndexMap;

use super::error::Fault;
use super::section::{Faults, Located, Section};
use super::yaml::Place;
use crate::expression::indicator;
use crate::expression::{SeriesRef, did_you_mean};
use crate::indicators::IndicatorSpec;

/// A column with a name.
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    pub(crate) formula: Formula,
    /// The candles it is computed on, where they are not those of whoever asks.
    pub(crate) series: SeriesRef,
    pub(crate) place: Place,
}

/// How a column is computed.
#[derive(Debug, Clone)]
pub(crate) enum Formula {
    Indicator {
        spec: &'static IndicatorSpec,
        /// One per parameter of the indicator; nothing stands for the default.
        params: Vec<Option<Located>>,
        /// The column that it reads in place of close.
        source: Option<Located>,
    },
    Expression(Located),
    /// Something is wrong with it, and was reported; those who use it need not repeat that.
    Broken,
}

impl Declaration {
    /// A name about which something was reported already.
    pub(crate) fn broken(place: Place) -> Self {
        Self { formula: Formula::Broken, series: SeriesRef::default(), place }
    }
}

/// Reads `signals.indicators`.
pub(crate) fn read(section: &Section<'_>, faults: &mut Faults) -> IndexMap<String, Declaration> {
    let mut declarations = IndexMap::new();
    for (name, _, node) in section.entries() {
        let Some(section) = Section::open(node, &section.key(name), faults) else {
            declarations.insert(name.to_owned(), Declaration::broken(node.place));
            continue;
        };
        let series = SeriesRef {
            pair: section.parsed("pair", faults),
            timeframe: section.parsed("timeframe", faults),
        };
        let formula = formula(&section, faults).unwrap_or(Formula::Broken);
        declarations.insert(name.to_owned(), Declaration { formula, series, place: node.place });
    }
    declarations
}

fn formula(section: &Section<'_>, faults: &mut Faults) -> Option<Formula> {
    if section.find("expression").is_some() {
        section.allow(&["expression", "timeframe", "pair"], faults);
        return section.expression("expression", faults).map(Formula::Expression);
    }
    let Some(name) = section.text("indicator", faults) else {
        section.missing("indicator", "name an indicator, or give an `expression`", faults);
        return None;
    };
    let Some(spec) = indicator::find(&name.to_lowercase()) else {
        let place = section.find("indicator").map_or(section.place(), |node| node.place);
        let all: Vec<&str> = indicator::names().collect();
        let hint = did_you_mean(&name, all.iter().copied());
        let message = format!("there is no indicator `{name}`{hint} (there are {})", all.join(", "));
        faults.push(Fault::new(place, &section.key("indicator"), message));
        return None;
    };
    let source = indicator::takes_source(spec).then_some("source");
    let own = spec.params.iter().map(|param| param.name);
    let allowed: Vec<&str> = own.chain(source).chain(["indicator", "timeframe", "pair"]).collect();
    section.allow(&allowed, faults);
    Some(Formula::Indicator {
        spec,
        params: spec.params.iter().map(|param| section.expression(param.name, faults)).collect(),
        source: source.and_then(|source| section.expression(source, faults)),
    })
}
