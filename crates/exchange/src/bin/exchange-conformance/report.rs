//! What passed and what failed.

use std::collections::BTreeMap;

use serde_json::json;

use crate::differences;

/// How a case ended.
pub(crate) type Outcome = Result<(), String>;

#[derive(Default)]
struct Count {
    passed: usize,
    intended: usize,
    failed: usize,
}

/// Counts by exchange, kind and method; what failed, and why.
#[derive(Default)]
pub(crate) struct Report {
    counts: BTreeMap<(String, String, String), Count>,
    failures: Vec<(String, String)>,
    intended: Vec<(String, &'static str)>,
    unknown: Vec<String>,
    exact: usize,
    requests: usize,
}

/// Which case it is.
pub(crate) struct Case<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) method: &'a str,
    pub(crate) json: &'a tradai_exchange::Json<'a>,
}

impl Case<'_> {
    fn id(&self) -> String {
        let id = self.json.get("id").to_text();
        id.unwrap_or_else(|| format!("{}/{}/{}/?", self.exchange, self.kind, self.method))
    }
}

impl Report {
    pub(crate) fn unknown(&mut self, exchange: &str) {
        self.unknown.push(exchange.to_owned());
    }

    /// Notes whether a request that passed is the reference's byte for byte.
    pub(crate) fn request(&mut self, exact: bool) {
        self.requests += 1;
        self.exact += usize::from(exact);
    }

    pub(crate) fn add(&mut self, case: &Case<'_>, outcome: Outcome) {
        let key = (case.exchange.to_owned(), case.kind.to_owned(), case.method.to_owned());
        let count = self.counts.entry(key).or_default();
        let Err(why) = outcome else {
            count.passed += 1;
            return;
        };
        match differences::reason(case, &why) {
            Some(reason) => {
                count.intended += 1;
                self.intended.push((case.id(), reason));
            }
            None => {
                count.failed += 1;
                self.failures.push((case.id(), why));
            }
        }
    }

    pub(crate) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    pub(crate) fn print(&self, show: usize) {
        println!(
            "{:<12} {:<11} {:<32} {:>6} {:>8} {:>6}",
            "exchange", "kind", "method", "passed", "intended", "failed"
        );
        let mut totals: BTreeMap<(&str, &str), Count> = BTreeMap::new();
        for ((exchange, kind, method), count) in &self.counts {
            if count.failed > 0 || count.intended > 0 {
                print_row(exchange, kind, method, count);
            }
            let total = totals.entry((exchange, kind)).or_default();
            total.passed += count.passed;
            total.intended += count.intended;
            total.failed += count.failed;
        }
        for ((exchange, kind), total) in &totals {
            print_row(exchange, kind, "(all)", total);
        }
        if self.requests > 0 {
            println!("requests equal byte for byte, signature included: {} of {}", self.exact, self.requests);
        }
        for name in &self.unknown {
            println!("{name}: we do not know this exchange; its cases were not run");
        }
        for (id, why) in self.failures.iter().take(show) {
            println!("FAILED {id}: {why}");
        }
        let reasons: BTreeMap<&str, usize> =
            self.intended.iter().fold(BTreeMap::new(), |mut counts, (_, reason)| {
                *counts.entry(*reason).or_default() += 1;
                counts
            });
        for (reason, count) in reasons {
            println!("intended, {count} cases: {reason}");
        }
        println!("{} failed", self.failures.len());
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        let counts = self.counts.iter().map(|((exchange, kind, method), count)| {
            json!({
                "exchange": exchange, "kind": kind, "method": method,
                "passed": count.passed, "intended": count.intended, "failed": count.failed,
            })
        });
        let total = |pick: fn(&Count) -> usize| self.counts.values().map(pick).sum::<usize>();
        let failures = self.failures.iter().map(|(id, why)| json!({ "id": id, "why": why }));
        let intended = self.intended.iter().map(|(id, why)| json!({ "id": id, "why": why }));
        json!({
            "passed": total(|count| count.passed),
            "intended": total(|count| count.intended),
            "failed": total(|count| count.failed),
            "exact_requests": self.exact,
            "requests": self.requests,
            "counts": counts.collect::<Vec<_>>(),
            "failures": failures.collect::<Vec<_>>(),
            "intended_differences": intended.collect::<Vec<_>>(),
            "unknown_exchanges": self.unknown,
        })
    }
}

fn print_row(exchange: &str, kind: &str, method: &str, count: &Count) {
    let Count { passed, intended, failed } = count;
    println!("{exchange:<12} {kind:<11} {method:<32} {passed:>6} {intended:>8} {failed:>6}");
}
