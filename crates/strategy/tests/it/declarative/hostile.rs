//! Files that are made to take too much: each is refused, and what is said of it is short.

use std::path::Path;

use tradai_strategy::DeclarativeStrategy;
use tradai_strategy::declarative::Fault;

const HEAD: &str = "strategy: {name: T, timeframe: 5m}\n";

fn faults(text: &str) -> Vec<Fault> {
    DeclarativeStrategy::from_yaml(text, Path::new("t.yaml")).err().map(|e| e.faults).unwrap_or_default()
}

/// What is said of any file fits on a few screens.
fn assert_short(faults: &[Fault]) {
    let length: usize = faults.iter().map(|fault| fault.render(Path::new("t.yaml")).len()).sum();
    assert!(faults.len() <= 101 && length < 400_000, "{} faults, {length} bytes", faults.len());
}

/// A 400 KB text, and 100 000 aliases of it: 40 GB, if they were copied.
#[test]
fn aliases_of_a_long_text_are_not_copied_without_end() {
    let text =
        format!("{HEAD}x-a: &a \"{}\"\nx-b: [{}]\n", "y".repeat(400_000), vec!["*a"; 100_000].join(","));
    let found = faults(&text);
    assert!(found[0].message.contains("with aliases spelt out"), "{:?}", found[0].message);
    assert_short(&found);
}

/// Every level is anchored, so that each is kept once more.
#[test]
fn nested_anchors_count() {
    let open: String = (0..38).map(|level| format!("&a{level} [")).collect();
    let text = format!("{HEAD}x-a: {open}{}{}\n", vec!["1"; 15_000].join(","), "]".repeat(38));
    assert!(faults(&text)[0].message.contains("values"), "{:?}", faults(&text)[0]);
}

#[test]
fn many_keys_are_many_faults_of_which_some_are_told() {
    let keys = |count: usize| (0..count).map(|key| format!("  k{key}: 1\n")).collect::<String>();
    for section in ["settings", "hooks", "deployment", "signals", "x-notes"] {
        let signals = if section == "signals" { "" } else { "signals: {}\n" };
        let text = format!("{HEAD}{signals}{section}:\n{}", keys(4_000));
        let found = faults(&text);
        assert_short(&found);
        let told = found.last().map(|fault| fault.message.clone()).unwrap_or_default();
        assert_eq!(told.contains("has 3900 more faults"), section != "x-notes", "{section}: {told}");
    }
}

/// Every rule names something that is not there, and is told what is.
#[test]
fn many_declarations_and_many_wrong_rules() {
    let names: String = (0..1_500).map(|n| format!("    n{n:a>60}: {{expression: close}}\n")).collect();
    let rules: String = (0..1_500).map(|n| format!("    - {{when: m{n} > 1}}\n")).collect();
    let parameters: String = (0..600).map(|n| format!("    p{n}: {{type: bool, default: true}}\n")).collect();
    let text = format!("{HEAD}signals:\n  parameters:\n{parameters}  indicators:\n{names}  entry:\n{rules}");
    let found = faults(&text);
    assert_short(&found);
    let keys: Vec<&str> = found.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["signals.parameters", "signals.indicators", "signals.entry"]);
    let names: String = (0..499).map(|n| format!("    n{n:a>60}: {{expression: close}}\n")).collect();
    let rules: String = (0..499).map(|n| format!("    - {{when: m{n} > 1}}\n")).collect();
    let found = faults(&format!("{HEAD}signals:\n  indicators:\n{names}  entry:\n{rules}"));
    assert!(found.len() == 101, "{}", found.len());
    assert_short(&found);
}

#[test]
fn long_names_are_shown_short() {
    let long = "y".repeat(300_000);
    for text in [
        format!("{HEAD}{long}: 1\n"),
        format!("{HEAD}settings: {{{long}: 1}}\n"),
        format!("strategy: {{name: {long}, timeframe: {long}}}\n"),
        format!("{HEAD}signals: {{indicators: {{a: {{indicator: {long}}}}}}}\n"),
        format!("{HEAD}signals: {{indicators: {{{long}: {{indicator: ema}}}}}}\n"),
        format!("{HEAD}signals: {{parameters: {{p: {{type: {long}, default: 1}}}}}}\n"),
        format!("{HEAD}signals: {{entry: [{{when: \"{long}\", side: {long}, tag: {long}}}]}}\n"),
        format!(
            "{HEAD}settings: {{pair_whitelist: [{long}], timerange: {long}, protections: [{{method: {long}}}]}}\n"
        ),
        format!(
            "{HEAD}hooks: {{leverage: \"{long}\", custom_exit: [{{when: 'true', tag: \"{{{long}\"}}]}}\n"
        ),
    ] {
        let found = faults(&text);
        assert!(!found.is_empty());
        for fault in found {
            assert!(fault.key.len() <= 300 && fault.message.len() <= 3_000, "{}", fault.message.len());
        }
    }
}

/// As deep as the language allows, on a stack of the usual size.
#[test]
fn chains_of_indicators_do_not_exhaust_the_stack() {
    for (count, works) in [(55, true), (480, false)] {
        let mut names = "    n0: {expression: close + 1}\n".to_owned();
        for n in 1..count {
            names.push_str(&format!("    n{n}: {{expression: ((((n{} + 1) * 2) / 3) - 4)}}\n", n - 1));
        }
        let last = count - 1;
        // The last one first, so that nothing is compiled before it is asked for.
        let lines: Vec<&str> = names.lines().rev().collect();
        let text =
            format!("{HEAD}signals:\n  indicators:\n{}\n  entry: [{{when: n{last} > 1}}]", lines.join("\n"));
        let found = faults(&text);
        assert_eq!(found.is_empty(), works, "{count}: {found:?}");
        assert_short(&found);
    }
}

#[test]
fn lookbacks_add_up_without_overflow() {
    let mut names = "    n0: {expression: 'highest(close, 100000)'}\n".to_owned();
    for n in 1..50 {
        names.push_str(&format!("    n{n}: {{indicator: sma, timeperiod: 100000, source: n{}}}\n", n - 1));
    }
    let text = format!("{HEAD}signals:\n  indicators:\n{names}  entry: [{{when: n49 > 1}}]");
    match DeclarativeStrategy::from_yaml(&text, Path::new("t.yaml")) {
        Ok(strategy) => assert!(strategy.lookback() > 4_000_000),
        Err(error) => assert_short(&error.faults),
    }
}
