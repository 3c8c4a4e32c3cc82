//! What a feed goes by.

use std::time::Duration;

use crate::feed::binance::Venue;

/// Longest silence that may be allowed: staleness must be found within half a minute.
const MAX_SILENCE: Duration = Duration::from_secs(25);

/// What a feed goes by. Start from [`FeedSettings::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedSettings {
    /// Which exchange.
    pub venue: Venue,
    /// Scheme and host of its sockets, without a slash at the end.
    pub url: String,
    /// A socket without data for so long is given up. Doubled, up to 32 times, by sockets that bring none at all:
    /// of a quiet market a new socket knows no more.
    pub max_silence: Duration,
    /// How long a socket may take to open, and the exchange to answer a subscription.
    pub answer_timeout: Duration,
    /// A socket of this age is replaced, before the exchange cuts it at 24 hours.
    pub roll_after: Duration,
    /// How long the replaced socket stays beside the new one.
    pub overlap: Duration,
    /// Up to how long the pause before the second attempt in a row is (there is none before the first); the bound
    /// doubles with each.
    pub first_pause: Duration,
    /// The longest bound of a pause.
    pub longest_pause: Duration,
    /// A socket that has lived so long with data ends the row of attempts.
    pub stable_after: Duration,
    /// Decides what is drawn of pauses: give each process its own.
    pub seed: u64,
    /// Trades and best prices that a reader may leave waiting; the oldest go first.
    pub quick_items: usize,
    /// Everything else that a reader may leave waiting; the oldest go first.
    pub lasting_items: usize,
}

impl FeedSettings {
    /// Returns the usual settings, for the exchange's own hosts.
    #[must_use]
    pub fn new(venue: Venue) -> Self {
        Self {
            venue,
            url: venue.url().to_owned(),
            max_silence: MAX_SILENCE,
            answer_timeout: Duration::from_secs(10),
            roll_after: Duration::from_secs(23 * 3_600),
            overlap: Duration::from_secs(5),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            stable_after: Duration::from_secs(60),
            seed: 0,
            quick_items: 100_000,
            lasting_items: 10_000,
        }
    }
}
