//! Calendar periods: how a series is cut into files.

use chrono::{DateTime, Datelike, NaiveDate};
use tradai_domain::{Millis, Timeframe};

/// The length of the periods of one series, in months.
///
/// Chosen so that a file holds 35 to 90 thousand candles: large enough to decode at full speed, small enough
/// that an append, which writes its period's file anew, moves only a few megabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Periods {
    months: u32,
}

impl Periods {
    /// Returns the periods of new series.
    pub(crate) fn of(timeframe: Timeframe) -> Self {
        let months = match timeframe {
            Timeframe::M1 => 1,
            Timeframe::M3 => 3,
            Timeframe::M5 => 6,
            Timeframe::M15 => 12,
            Timeframe::M30 => 24,
            Timeframe::H1 => 60,
            Timeframe::H2 | Timeframe::H4 => 120,
            _ => 600,
        };
        Self { months }
    }

    /// Returns periods of so many months, or `None` for 0 or more than a century.
    pub(crate) fn from_months(months: u32) -> Option<Self> {
        (1..=1_200).contains(&months).then_some(Self { months })
    }

    pub(crate) fn months(self) -> u32 {
        self.months
    }

    /// Returns the name of the period that contains `at`, which is its first month (`2024-01`), or `None`
    /// outside the years 1970 to 9999.
    pub(crate) fn name(self, at: Millis) -> Option<String> {
        let first = self.first_month(at)?;
        Some(format!("{:04}-{:02}", first / 12, first % 12 + 1))
    }

    /// Returns the first moment after the period that contains `at`.
    pub(crate) fn end(self, at: Millis) -> Option<Millis> {
        let next = self.first_month(at)? + self.months;
        let (year, month) = (i32::try_from(next / 12).ok()?, next % 12 + 1);
        Some(NaiveDate::from_ymd_opt(year, month, 1)?.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
    }

    /// Counts months from the year 0.
    fn first_month(self, at: Millis) -> Option<u32> {
        let date = DateTime::from_timestamp_millis(at)?;
        if !(1970..=9999).contains(&date.year()) {
            return None;
        }
        let month = u32::try_from(date.year()).ok()? * 12 + date.month0();
        Some(month - month % self.months)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradai_domain::parse_date_ms;

    #[test]
    fn calendar_months() {
        let at = parse_date_ms("2024-11-21T09:55:00Z").unwrap();
        for (timeframe, name, end) in [
            (Timeframe::M1, "2024-11", "2024-12-01"),
            (Timeframe::M5, "2024-07", "2025-01-01"),
            (Timeframe::H1, "2020-01", "2025-01-01"),
            (Timeframe::D1, "2000-01", "2050-01-01"),
        ] {
            let periods = Periods::of(timeframe);
            assert_eq!(periods.name(at).as_deref(), Some(name));
            assert_eq!(periods.end(at), Some(parse_date_ms(end).unwrap()));
        }
        assert_eq!(Periods::of(Timeframe::M1).name(-1), None);
        assert_eq!(Periods::of(Timeframe::M1).name(i64::MAX), None);
    }
}
