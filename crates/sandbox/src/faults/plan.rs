//! Rules of a fault plan, as JSON has them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradai_domain::Millis;

use super::{CandleEdit, EditKind, Shot, Spoiled};
use crate::random::Draws;

/// Longest delay: longer than any client waits.
const MAX_DELAY_MS: u64 = 600_000;

/// Where and when a fault strikes. What is left out matches everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// HTTP method; `WS` for frames of a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    /// Path of the endpoint or name of the stream; a `*` at the end matches whatever follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// The exchange's name of the market, `BTCUSDT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) symbol: Option<String>,
    /// 0 to 1.
    #[serde(default = "always")]
    pub(crate) probability: f64,
    /// Matches let through first.
    #[serde(default)]
    pub(crate) skip: u64,
    /// Strikes after which the rule rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    /// Exchange time from which and up to which the rule is in force, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Millis>,
    pub(crate) fault: Fault,
}

fn always() -> f64 {
    1.0
}

/// Before the exchange sees the request, or after it carried it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    #[default]
    Before,
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// Another HTTP status; the body is JSON, a text, or empty when left out.
    Status {
        status: u16,
        #[serde(default)]
        body: Option<Value>,
        #[serde(default)]
        retry_after: Option<u32>,
        #[serde(default)]
        when: When,
    },
    /// -1007, though the request was carried out.
    UnknownState,
    /// Machine milliseconds.
    Delay {
        ms: u64,
        #[serde(default)]
        when: When,
    },
    Reset {
        #[serde(default)]
        when: When,
    },
    /// The reply stops halfway, its length header notwithstanding.
    Truncate,
    /// A proxy's page in place of JSON.
    Html {
        #[serde(default = "ok_status")]
        status: u16,
    },
    /// A body that says it is gzip and is not.
    BrokenGzip,
    /// Candles of a reply are duplicated, missing, late, out of order or corrected.
    Candles { edit: EditKind },
    /// No reply at all, on a connection that stays open.
    Silence {
        #[serde(default)]
        when: When,
    },
    /// New orders cannot be found for a while, neither by look-ups nor in lists.
    HideOrders { ms: Millis },
    /// New algo orders cannot be found for a while.
    HideAlgos { ms: Millis },
    /// The exchange's clock is off, and runs off, from `from` on.
    Skew {
        #[serde(default)]
        ms: Millis,
        #[serde(default)]
        drift_ppm: i64,
    },
    /// Trading is suspended.
    Halt,
    /// The market is gone: unknown to every request, silent on every stream, its open orders expired.
    Delist,
    /// Other rules: entries of `filters` as in exchangeInfo; what they do not name stays.
    Filters { filters: Vec<Value> },
    /// Candles that open from `from` up to `until` do not exist, on REST and sockets alike, then and later.
    Gap,
    /// The listen key of the user stream ends, once.
    ExpireListenKey,
    /// An order to be canceled is executed first, up to a share of what is left of it (0 to 1).
    FillBeforeCancel {
        #[serde(default = "always")]
        share: f64,
    },
    /// A socket says nothing any more, and stays open.
    Stall,
    /// A frame is not sent.
    DropFrame,
    /// A frame is sent twice.
    DuplicateFrame,
    /// A frame is sent after the next one.
    LateFrame,
    /// A closed candle is told again with a higher close, as if corrected.
    CorrectClosed,
    /// A candle is never told to be closed.
    NeverClosed,
    /// A socket is cut.
    Cut,
}

fn ok_status() -> u16 {
    200
}

impl Rule {
    pub(super) fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(format!("probability is {}, must be 0 to 1", self.probability));
        }
        match self.fault {
            Fault::Status { status, .. } | Fault::Html { status } if !(200..=599).contains(&status) => {
                Err(format!("status is {status}, must be 200 to 599"))
            }
            Fault::FillBeforeCancel { share } if !(0.0..=1.0).contains(&share) => {
                Err(format!("share is {share}, must be 0 to 1"))
            }
            Fault::Gap if self.from.is_none() || self.until.is_none() => {
                Err("a gap needs `from` and `until`".to_owned())
            }
            Fault::Delay { ms, .. } if ms > MAX_DELAY_MS => {
                Err(format!("delay is {ms} ms, {MAX_DELAY_MS} at most"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it is about requests, and not a state of the exchange or about sockets.
    pub(super) fn is_of_request(&self) -> bool {
        match self.fault {
            Fault::Status { .. }
            | Fault::UnknownState
            | Fault::Delay { .. }
            | Fault::Reset { .. }
            | Fault::Silence { .. }
            | Fault::Truncate
            | Fault::Html { .. }
            | Fault::BrokenGzip
            | Fault::Candles { .. }
            | Fault::FillBeforeCancel { .. } => true,
            Fault::HideOrders { .. }
            | Fault::HideAlgos { .. }
            | Fault::Skew { .. }
            | Fault::Halt
            | Fault::Delist
            | Fault::Filters { .. }
            | Fault::Gap
            | Fault::ExpireListenKey
            | Fault::Stall
            | Fault::DropFrame
            | Fault::DuplicateFrame
            | Fault::LateFrame
            | Fault::CorrectClosed
            | Fault::NeverClosed
            | Fault::Cut => false,
        }
    }

    /// Returns whether it is about a market.
    pub(crate) fn is_of(&self, symbol: &str) -> bool {
        self.symbol.as_deref().is_none_or(|wanted| wanted == symbol)
    }

    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    pub(super) fn matches(&self, method: &str, path: &str, symbol: Option<&str>, now: Millis) -> bool {
        let path_matches = self.path.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == wanted,
        });
        path_matches
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.symbol.is_none_or_same(symbol)
            && self.is_due(now)
    }
}

trait IsNoneOrSame {
    fn is_none_or_same(&self, other: Option<&str>) -> bool;
}

impl IsNoneOrSame for Option<String> {
    fn is_none_or_same(&self, other: Option<&str>) -> bool {
        self.is_none() || self.as_deref() == other
    }
}

impl Fault {
    /// Adds this fault to what happens to a request; the first to replace a reply wins.
    pub(super) fn aim(&self, shot: &mut Shot, draws: &mut Draws) {
        let set = |place: &mut Option<Spoiled>, spoiled: Spoiled| {
            place.get_or_insert(spoiled);
        };
        match self {
            Self::Status { status, body, retry_after, when } => {
                let body = match body {
                    None => String::new(),
                    Some(Value::String(text)) => text.clone(),
                    Some(json) => json.to_string(),
                };
                let spoiled = Spoiled::Status { status: *status, body, retry_after: *retry_after };
                set(if *when == When::Before { &mut shot.instead } else { &mut shot.after }, spoiled);
            }
            Self::UnknownState => set(&mut shot.after, Spoiled::Unknown),
            Self::Delay { ms, when: When::Before } => shot.delay_before += ms,
            Self::Delay { ms, when: When::After } => shot.delay_after += ms,
            Self::Reset { when: When::Before } => set(&mut shot.instead, Spoiled::Reset),
            Self::Reset { when: When::After } => set(&mut shot.after, Spoiled::Reset),
            Self::Silence { when: When::Before } => set(&mut shot.instead, Spoiled::Silence),
            Self::Silence { when: When::After } => set(&mut shot.after, Spoiled::Silence),
            Self::Truncate => set(&mut shot.after, Spoiled::Truncated),
            Self::Html { status } => set(&mut shot.instead, Spoiled::Html(*status)),
            Self::BrokenGzip => set(&mut shot.after, Spoiled::BrokenGzip),
            Self::FillBeforeCancel { share } => shot.fill_share = Some(*share),
            Self::Candles { edit } => shot.candle_edit = Some(CandleEdit { kind: *edit, draw: draws.next() }),
            _ => {}
        }
    }
}
