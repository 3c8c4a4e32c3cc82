//! Candle lengths.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The length of a candle, in the spelling that exchanges and Freqtrade share (`5m`, `1h`, `1d`).
///
/// Candles are stamped by their open; a candle of timeframe `t` opened at `o` covers `[o, o + t)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Timeframe {
    /// One minute.
    M1,
    /// Three minutes.
    M3,
    /// Five minutes.
    M5,
    /// Fifteen minutes.
    M15,
    /// Thirty minutes.
    M30,
    /// One hour.
    H1,
    /// Two hours.
    H2,
    /// Four hours.
    H4,
    /// Six hours.
    H6,
    /// Eight hours.
    H8,
    /// Twelve hours.
    H12,
    /// One day.
    D1,
    /// Three days.
    D3,
    /// One week; weeks open on Monday.
    W1,
}

/// The text is no timeframe of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown timeframe `{0}`; one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w")]
pub struct TimeframeError(pub String);

impl Timeframe {
    /// Every timeframe, shortest first.
    pub const ALL: [Self; 14] = [
        Self::M1,
        Self::M3,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H2,
        Self::H4,
        Self::H6,
        Self::H8,
        Self::H12,
        Self::D1,
        Self::D3,
        Self::W1,
    ];

    /// Returns the spelling, such as `15m`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M3 => "3m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H2 => "2h",
            Self::H4 => "4h",
            Self::H6 => "6h",
            Self::H8 => "8h",
            Self::H12 => "12h",
            Self::D1 => "1d",
            Self::D3 => "3d",
            Self::W1 => "1w",
        }
    }

    /// Returns the length in whole minutes.
    #[must_use]
    pub fn minutes(self) -> i64 {
        match self {
            Self::M1 => 1,
            Self::M3 => 3,
            Self::M5 => 5,
            Self::M15 => 15,
            Self::M30 => 30,
            Self::H1 => 60,
            Self::H2 => 120,
            Self::H4 => 240,
            Self::H6 => 360,
            Self::H8 => 480,
            Self::H12 => 720,
            Self::D1 => 1_440,
            Self::D3 => 4_320,
            Self::W1 => 10_080,
        }
    }

    /// Returns the length in milliseconds.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.minutes() * 60_000
    }

    /// Returns the open time of the candle that contains `at` (milliseconds since the epoch).
    ///
    /// Weeks open on Monday 00:00 UTC, as on every exchange we know; everything else counts from the epoch.
    #[must_use]
    pub fn floor(self, at: i64) -> i64 {
        // The epoch was a Thursday; the first Monday after it is day 4.
        let origin = if self == Self::W1 { 4 * 86_400_000 } else { 0 };
        at - (at - origin).rem_euclid(self.millis())
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Timeframe {
    type Err = TimeframeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|t| t.as_str() == text).ok_or_else(|| TimeframeError(text.to_owned()))
    }
}

impl TryFrom<String> for Timeframe {
    type Error = TimeframeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Timeframe> for String {
    fn from(timeframe: Timeframe) -> Self {
        timeframe.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_parses_back() {
        for timeframe in Timeframe::ALL {
            assert_eq!(timeframe.as_str().parse::<Timeframe>(), Ok(timeframe));
        }
        assert!("7m".parse::<Timeframe>().is_err());
    }

    #[test]
    fn weeks_open_on_monday() {
        // 2021-07-14 was a Wednesday; its week opened on 2021-07-12.
        assert_eq!(Timeframe::W1.floor(1_626_220_800_000 + 5), 1_626_048_000_000);
        assert_eq!(Timeframe::H1.floor(1_626_220_800_000 + 5), 1_626_220_800_000);
    }
}
