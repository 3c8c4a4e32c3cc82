//! Files that nobody wrote: mutations of those that ship, and whatever looks like YAML.
//!
//! Whatever the text, reading it does not panic, says what is wrong with a line and a key and in few words, or gives a
//! strategy that runs. `cargo xtask fuzz-yaml` does the same for longer. A failure names its seed; a run of one case
//! begins there.

#![expect(clippy::disallowed_methods, reason = "says how long the slowest file took; nothing rests on it")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use tradai_domain::Timeframe;
use tradai_strategy::declarative::{Fault, ParameterKind, ParameterValue};
use tradai_strategy::{DeclarativeStrategy, Frame, Settings, Signals, Strategy, StrategyFile};

use super::fuzz_corpus::{KEYS, TOKENS, VALUES, corpus};
use super::wave;

/// SplitMix64 (Steele, Lea, Flood 2014): the same cases on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// The text of a case.
fn case(files: &[(String, String)], seed: u64) -> String {
    let mut random = Random(seed);
    match random.below(12) {
        0 => yaml_like(&mut random),
        1 => expressions(&mut random),
        2 => bulk(&mut random),
        _ => {
            let mut text = files[random.below(files.len())].1.clone();
            for _ in 0..=random.below(6) {
                text = mutated(&mut random, &text, files);
            }
            text
        }
    }
}

fn mutated(random: &mut Random, text: &str, files: &[(String, String)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return random.of(VALUES).to_owned();
    }
    let at = random.below(lines.len());
    match random.below(13) {
        0 | 1 => {
            if let Some((key, _)) = lines[at].split_once(": ") {
                lines[at] = format!("{key}: {}", random.of(VALUES));
            }
        }
        2 => drop(lines.remove(at)),
        3 => lines.insert(at, lines[at].clone()),
        4 => {
            let other = random.below(lines.len());
            lines.swap(at, other);
        }
        5 => lines[at] = format!("{}{}", " ".repeat(random.below(9)), lines[at].trim_start()),
        6 | 7 => {
            let place = boundary(&lines[at], random);
            lines[at].insert_str(place, random.of(TOKENS));
        }
        8 => {
            let (one, other) = (boundary(&lines[at], random), boundary(&lines[at], random));
            lines[at].replace_range(one.min(other)..one.max(other), "");
        }
        9 => {
            let other: Vec<&str> = files[random.below(files.len())].1.lines().collect();
            let begin = random.below(other.len());
            let taken = other[begin..].iter().take(1 + random.below(8));
            lines.splice(at..at, taken.map(|line| (*line).to_owned()));
        }
        10 => {
            if let Some((before, _)) = lines[at].clone().split_once(':') {
                let indent = before.len() - before.trim_start().len();
                lines[at].replace_range(indent..before.len(), random.of(KEYS));
            }
        }
        11 => {
            let times = 1 + random.below(60);
            if let Some((key, value)) = lines[at].clone().split_once(": ") {
                lines[at] = format!("{key}: {}{value}{}", "(".repeat(times), ")".repeat(times));
            }
        }
        _ => {
            let number = random.next() as f64 * [1e-30, 1e-9, 1e-3, 1.0, 1e9][random.below(5)];
            if let Some((key, _)) = lines[at].clone().split_once(": ") {
                lines[at] = format!("{key}: {}{number}", ["", "-"][random.below(2)]);
            }
        }
    }
    lines.join("\n")
}

fn boundary(line: &str, random: &mut Random) -> usize {
    let mut at = random.below(line.len() + 1);
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Keys, values and tokens in no order but with indentation.
fn yaml_like(random: &mut Random) -> String {
    let mut text = ["", "strategy: {name: T, timeframe: 5m}\n", "\u{feff}", "%YAML 1.2\n---\n"]
        [random.below(4)]
    .to_owned();
    for _ in 0..random.below(60) {
        text.push_str(&" ".repeat(random.below(8)));
        match random.below(4) {
            0 => text.push_str(&format!("{}:\n", random.of(KEYS))),
            1 => text.push_str(&format!("{}: {}\n", random.of(KEYS), random.of(VALUES))),
            2 => text.push_str(&format!("- {}\n", random.of(VALUES))),
            _ => (0..random.below(6)).for_each(|_| text.push_str(random.of(TOKENS))),
        }
    }
    text
}

/// A file that is right but for its expressions.
fn expressions(random: &mut Random) -> String {
    let mut expression = || -> String {
        let words = 1 + random.below(12);
        let text: String = (0..words).map(|_| format!("{} ", random.of(TOKENS))).collect();
        text.replace(['\n', '\r', '"', '\\', '\u{0}'], " ")
    };
    let mut text = "strategy: {name: T, timeframe: 5m}\nsignals:\n  indicators:\n".to_owned();
    for name in ["one", "two", "three"] {
        text.push_str(&format!("    {name}: {{expression: \"{}\"}}\n", expression()));
    }
    text.push_str(&format!("  entry: [{{when: \"{} > one\"}}]\n", expression()));
    text.push_str(&format!(
        "hooks: {{leverage: \"{}\", custom_exit: [{{when: \"{}\", tag: \"{{{}}}\"}}]}}\n",
        expression(),
        expression(),
        expression()
    ));
    text
}

/// Much of one thing.
fn bulk(random: &mut Random) -> String {
    let count = 1 << random.below(13);
    let piece = random.of(TOKENS);
    let key = random.of(KEYS);
    match random.below(6) {
        0 => format!("strategy: {{name: T, timeframe: 5m}}\n{key}: {}", piece.repeat(count)),
        1 => (0..count).map(|n| format!("{key}{n}: {piece}\n")).collect(),
        2 => (0..count.min(60)).map(|n| format!("{}{key}:\n", " ".repeat(n))).collect(),
        3 => {
            let items = vec!["*a"; count.min(5_000)].join(", ");
            format!("x-a: &a {}\nx-b: [{items}]\n", random.of(VALUES))
        }
        4 => {
            let mut text = "x-0: &a0 [1, 2]\n".to_owned();
            for level in 1..count.min(40) {
                text.push_str(&format!("x-{level}: &a{level} [*a{0}, *a{0}, *a{0}]\n", level - 1));
            }
            text
        }
        _ => {
            let rule = format!("    - {{when: {} > {piece}}}\n", random.of(KEYS));
            format!(
                "strategy: {{name: T, timeframe: 5m}}\nsignals:\n  entry:\n{}",
                rule.repeat(count.min(2_000))
            )
        }
    }
}

/// Everything that must hold, whatever the text; how many files were right.
fn check(text: &str, schema: &jsonschema::Validator) -> bool {
    let path = Path::new("t.yaml");
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    if let Err(error) = StrategyFile::parse(text, path) {
        check_faults(&error.faults, lines);
    }
    match DeclarativeStrategy::from_yaml(text, path) {
        Err(error) => {
            assert!(!error.faults.is_empty());
            check_faults(&error.faults, lines);
            false
        }
        Ok(strategy) => {
            check_faults(strategy.warnings(), lines);
            check_strategy(&strategy);
            let document = serde_json::Value::Object(strategy.file().document());
            let refused: Vec<String> =
                schema.iter_errors(&document).map(|e| format!("{} {e}", e.instance_path())).collect();
            assert!(refused.is_empty(), "it loads, but the schema refuses it: {refused:?}");
            let again = DeclarativeStrategy::from_yaml(text, path).unwrap();
            assert_eq!(
                serde_json::to_string(&strategy.summary()).unwrap(),
                serde_json::to_string(&again.summary()).unwrap()
            );
            true
        }
    }
}

fn check_faults(faults: &[Fault], lines: usize) {
    let mut length = 0;
    for fault in faults {
        assert!(fault.line <= lines + 1, "line {} of {lines}", fault.line);
        assert_eq!(fault.line == 0, fault.column == 0);
        assert!(!fault.message.is_empty());
        // Without a key it is about the YAML itself, or about the file as a whole.
        let rendered = fault.render(Path::new("t.yaml"));
        assert!(!rendered.chars().any(|c| c.is_control() && c != '\n'), "{rendered:?}");
        length += rendered.len();
    }
    assert!(faults.len() <= 101 && length < 400_000, "{} faults, {length} bytes", faults.len());
}

/// A strategy runs at both ends of its parameters, and its settings are what the engine takes or are named.
fn check_strategy(strategy: &DeclarativeStrategy) {
    let end = |kind: &ParameterKind, high: bool| match kind {
        ParameterKind::Int { low, high: top } => {
            ParameterValue::Number(if high { *top } else { *low } as f64)
        }
        ParameterKind::Decimal { low, high: top, .. } => {
            ParameterValue::Number(if high { *top } else { *low })
        }
        ParameterKind::Bool => ParameterValue::Bool(high),
        ParameterKind::Categorical { options } => options[if high { options.len() - 1 } else { 0 }].clone(),
    };
    Settings::merge(&[&strategy.settings()]).ok();
    run(strategy);
    for high in [false, true] {
        let values = strategy.parameters().iter().map(|(name, p)| (name.clone(), end(&p.kind, high)));
        // Values that an indicator refuses are an error, which is fine; running must not be one.
        if let Ok(strategy) = strategy.with_parameters(&values.collect()) {
            run(&strategy);
        }
    }
}

fn run(strategy: &DeclarativeStrategy) {
    let timeframe = strategy.file().strategy.timeframe;
    let pair: tradai_domain::Symbol = "A/B".parse().unwrap();
    let candles = std::sync::Arc::new(wave(60, timeframe));
    let mut frame = Frame::new(pair, timeframe, candles);
    let mut signals = Signals::new(frame.len());
    // Candles that are not there are an error, too.
    if strategy.populate_indicators(&mut frame, &Source(timeframe)).is_ok() {
        strategy.populate_entry_trend(&frame, &mut signals).unwrap();
        strategy.populate_exit_trend(&frame, &mut signals).unwrap();
        assert_eq!(signals.flags().len(), 60);
    }
}

/// Candles of every series, over the same time.
struct Source(Timeframe);

impl tradai_strategy::CandleSource for Source {
    fn candles(&self, key: &tradai_domain::SeriesKey) -> Option<std::sync::Arc<tradai_domain::CandleSeries>> {
        let rows = 60 * self.0.minutes() / key.timeframe.minutes();
        Some(std::sync::Arc::new(wave(rows.max(1), key.timeframe)))
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_file_makes_it_panic() {
    let (cases, first) = (number("TRADAI_FUZZ_CASES", 400), number("TRADAI_FUZZ_SEED", 1));
    let (files, schema) = (corpus(), super::schema::validator());
    let (mut right, mut slowest) = (0, (Duration::ZERO, 0));
    for seed in first..first + cases {
        let text = case(&files, seed);
        let begun = Instant::now();
        let checked = catch_unwind(AssertUnwindSafe(|| check(&text, &schema)));
        match checked {
            Ok(loads) => {
                right += u64::from(loads);
                slowest = slowest.max((begun.elapsed(), seed));
            }
            Err(_) => panic!("TRADAI_FUZZ_SEED={seed} TRADAI_FUZZ_CASES=1 shows it again; the file:\n{text}"),
        }
    }
    println!("{cases} files, {right} of them right, from seed {first}; the slowest: {slowest:?}");
    // Otherwise nothing but the way to a fault would be tried.
    assert!(cases < 100 || right > cases / 20, "only {right} of {cases} files are right");
}
