//! Faults on purpose: what goes wrong, where, when and how often.
//!
//! A plan is a list of rules (`POST /_sandbox/faults`, or a file at start). Each rule draws from a stream of its own,
//! seeded by the sandbox's seed and the rule's place, so that requests elsewhere do not change what it draws.

mod candles;
mod plan;

use serde_json::{Value, json};
use tradai_domain::Millis;

pub(crate) use candles::{CandleEdit, EditKind, edit_candles};
pub(crate) use plan::{Fault, Rule};

use crate::random::Draws;

/// Rules of a plan.
const MAX_RULES: usize = 1_000;

/// What goes wrong with one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shot {
    /// Machine milliseconds to wait before the request is looked at, and before its reply is sent.
    pub(crate) delay_before: u64,
    pub(crate) delay_after: u64,
    /// Answered instead of the exchange, which never sees the request.
    pub(crate) instead: Option<Spoiled>,
    /// Sent instead of the exchange's reply to a request that it did carry out.
    pub(crate) after: Option<Spoiled>,
    pub(crate) candle_edit: Option<CandleEdit>,
    /// How much of an order to be canceled is executed first.
    pub(crate) fill_share: Option<f64>,
}

/// A reply gone wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spoiled {
    /// The connection is reset.
    Reset,
    /// Nothing comes.
    Silence,
    Status {
        status: u16,
        body: String,
        retry_after: Option<u32>,
    },
    /// Execution status unknown (-1007).
    Unknown,
    Truncated,
    Html(u16),
    BrokenGzip,
}

#[derive(Debug, Clone)]
struct Armed {
    rule: Rule,
    draws: Draws,
    matched: u64,
    fired: u64,
}

/// The plan and how often each rule has struck.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Vec<Armed>);

impl Faults {
    /// Returns a plan; `Err` says what is wrong with it.
    pub(crate) fn new(rules: Vec<Rule>, seed: u64) -> Result<Self, String> {
        if rules.len() > MAX_RULES {
            return Err(format!("a plan has {MAX_RULES} rules at most, this one {}", rules.len()));
        }
        let arm = |(at, rule): (usize, Rule)| {
            rule.check().map_err(|problem| format!("rule {at}: {problem}"))?;
            Ok(Armed { draws: Draws::new(seed, &format!("fault {at}")), rule, matched: 0, fired: 0 })
        };
        rules.into_iter().enumerate().map(arm).collect::<Result<_, String>>().map(Self)
    }

    /// Returns the same plan with fresh counts and draws.
    pub(crate) fn rearmed(&self, seed: u64) -> Self {
        let rules = self.0.iter().map(|armed| armed.rule.clone()).collect();
        // The rules were checked when they came in.
        Self::new(rules, seed).unwrap_or_default()
    }

    /// Returns what goes wrong with a request.
    pub(crate) fn draw(&mut self, method: &str, path: &str, symbol: Option<&str>, now: Millis) -> Shot {
        let mut shot = Shot::default();
        for armed in &mut self.0 {
            let matches = armed.rule.is_of_request() && armed.rule.matches(method, path, symbol, now);
            if matches && armed.strikes() {
                armed.rule.fault.aim(&mut shot, &mut armed.draws);
            }
        }
        shot
    }

    /// Returns whether a frame of a stream goes wrong in this way.
    pub(crate) fn strikes_frame(&mut self, is_kind: fn(&Fault) -> bool, stream: &str, now: Millis) -> bool {
        let mut struck = false;
        for armed in &mut self.0 {
            let symbol = stream.split('@').next().map(str::to_ascii_uppercase);
            let matches =
                is_kind(&armed.rule.fault) && armed.rule.matches("WS", stream, symbol.as_deref(), now);
            struck |= matches && armed.strikes();
        }
        struck
    }

    /// Returns the faults that last, and last now.
    pub(crate) fn lasting(&self, now: Millis) -> impl Iterator<Item = &Rule> {
        self.0.iter().map(|armed| &armed.rule).filter(move |rule| !rule.is_of_request() && rule.is_due(now))
    }

    /// Returns whether a fault that strikes once is due now, and has not struck yet.
    pub(crate) fn strikes_once(&mut self, is_kind: fn(&Fault) -> bool, now: Millis) -> bool {
        let mut struck = false;
        for armed in self.0.iter_mut().filter(|armed| armed.fired == 0 && is_kind(&armed.rule.fault)) {
            if armed.rule.is_due(now) {
                armed.fired = 1;
                struck = true;
            }
        }
        struck
    }

    /// Returns the stretches of open times that a market has no candles for.
    pub(crate) fn gaps(&self, symbol: &str) -> Vec<(Millis, Millis)> {
        let gaps = self.0.iter().map(|armed| &armed.rule).filter(|rule| rule.fault == Fault::Gap);
        gaps.filter(|rule| rule.is_of(symbol)).filter_map(|rule| rule.from.zip(rule.until)).collect()
    }

    /// Returns the plan with its counts.
    pub(crate) fn to_json(&self) -> Value {
        let row = |armed: &Armed| json!({"rule": armed.rule, "matched": armed.matched, "fired": armed.fired});
        self.0.iter().map(row).collect()
    }
}

impl Armed {
    fn strikes(&mut self) -> bool {
        self.matched += 1;
        let is_over = self.rule.count.is_some_and(|count| self.fired >= count);
        // The draw is made whatever the rest says, so that counts do not shift what follows.
        let is_drawn = self.draws.chance(self.rule.probability);
        let strikes = is_drawn && !is_over && self.matched > self.rule.skip;
        self.fired += u64::from(strikes);
        strikes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(plan: &str, seed: u64) -> Faults {
        Faults::new(serde_json::from_str(plan).unwrap(), seed).unwrap()
    }

    #[test]
    fn rules_strike_where_when_and_as_often_as_they_say() {
        let plan = r#"[{"path": "/api/v3/*", "symbol": "BTCUSDT", "skip": 1, "count": 2, "from": 10, "until": 20,
            "fault": {"kind": "status", "status": 503, "body": ""}}]"#;
        let mut faults = faults(plan, 1);
        let mut strikes = |path, symbol, now| faults.draw("GET", path, symbol, now).instead.is_some();
        assert!(!strikes("/api/v3/klines", Some("BTCUSDT"), 10), "the first is let through");
        assert!(!strikes("/api/v3/klines", Some("ETHUSDT"), 10));
        assert!(!strikes("/fapi/v1/klines", Some("BTCUSDT"), 10));
        assert!(!strikes("/api/v3/klines", Some("BTCUSDT"), 9));
        assert!(!strikes("/api/v3/klines", Some("BTCUSDT"), 20));
        assert!(strikes("/api/v3/klines", Some("BTCUSDT"), 19));
        assert!(strikes("/api/v3/depth", Some("BTCUSDT"), 19));
        assert!(!strikes("/api/v3/depth", Some("BTCUSDT"), 19), "twice is enough");
    }

    #[test]
    fn a_seed_decides_and_other_traffic_does_not() {
        let plan = r#"[{"probability": 0.5, "path": "/a", "fault": {"kind": "reset"}},
            {"probability": 0.5, "path": "/b", "fault": {"kind": "reset"}}]"#;
        let draws = |seed, other: usize| -> Vec<bool> {
            let mut faults = faults(plan, seed);
            let mut draw = |path| faults.draw("GET", path, None, 0).instead.is_some();
            (0..64)
                .map(|_| {
                    (0..other).for_each(|_| {
                        draw("/b");
                    });
                    draw("/a")
                })
                .collect()
        };
        assert_eq!(draws(1, 0), draws(1, 3));
        assert_ne!(draws(1, 0), draws(2, 0));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (plan, word) in [
            (r#"[{"probability": 2, "fault": {"kind": "reset"}}]"#, "probability"),
            (r#"[{"fault": {"kind": "status", "status": 99}}]"#, "status"),
            (r#"[{"fault": {"kind": "delay", "ms": 9999999999}}]"#, "delay"),
        ] {
            let problem = Faults::new(serde_json::from_str(plan).unwrap(), 1).map(drop).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
        assert!(serde_json::from_str::<Vec<Rule>>(r#"[{"fault": {"kind": "resett"}}]"#).is_err());
        assert!(serde_json::from_str::<Vec<Rule>>(r#"[{"fualt": {}, "fault": {"kind": "reset"}}]"#).is_err());
    }
}
