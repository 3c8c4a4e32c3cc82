//! Which of an exchange's worlds is talked to.

/// Where orders are real, and where they are not.
///
/// Keys do not say which world they are for, so nothing here can tell a live key from another: the exchanges do,
/// and refuse a key of another world (Binance -2015, Bybit 10003, OKX 50101).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Environment {
    /// Real money.
    #[default]
    Live,
    /// The exchange's test network: its own markets, its own keys.
    Testnet,
    /// Real prices, play money.
    Demo,
}

impl Environment {
    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Testnet => "testnet",
            Self::Demo => "demo",
        }
    }
}
