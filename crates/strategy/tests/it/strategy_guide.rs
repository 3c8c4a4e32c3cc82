//! What `docs/guides/strategies.md` shows works as shown, and nothing is left out of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failure is a panic")]

use std::path::Path;

use tradai_strategy::expression::{FUNCTIONS, VARIABLES};
use tradai_strategy::{DeclarativeStrategy, indicators};

const GUIDE: &str = include_str!("../../../../docs/guides/strategies.md");

/// The code blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    GUIDE.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

#[test]
fn every_file_is_valid_and_means_what_it_says() {
    let files = blocks("yaml");
    assert!(files.len() >= 4);
    for file in files {
        let strategy = DeclarativeStrategy::from_yaml(file, Path::new("guide.yaml"));
        let strategy = strategy.unwrap_or_else(|error| panic!("{error}\n{file}"));
        assert_eq!(strategy.warnings(), [], "{file}");
    }
}

#[test]
fn every_expression_is_valid() {
    let expressions: Vec<&str> = blocks("expression").iter().flat_map(|block| block.lines()).collect();
    assert!(expressions.len() >= 9);
    for expression in expressions {
        let quoted = expression.replace('\'', "''");
        let file = format!(
            "strategy: {{name: T, timeframe: 5m}}\nsignals:\n  indicators:\n    rsi: {{indicator: rsi}}\n    macd: {{indicator: macd}}\n    \
             ema_fast: {{indicator: ema, timeperiod: 5}}\n    ema_slow: {{indicator: ema}}\n  entry:\n    - when: '{quoted}'\n"
        );
        DeclarativeStrategy::from_yaml(&file, Path::new("guide.yaml"))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn everything_there_is_is_described() {
    for function in FUNCTIONS {
        assert!(GUIDE.contains(&format!("`{}", function.usage)), "{}", function.usage);
    }
    for variable in VARIABLES {
        assert!(GUIDE.contains(&format!("`{}`", variable.name)), "{}", variable.name);
    }
    let names: Vec<&str> = indicators::catalogue().iter().map(|spec| spec.name).collect();
    assert!(GUIDE.contains(&format!("There are {}: {}.", names.len(), names.join(", "))));
}
