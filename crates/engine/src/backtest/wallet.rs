//! The simulated account.

use tradai_strategy::{Settings, StakeAmount};

use super::slots::Slots;

/// Money in stake currency, as Freqtrade's dry-run wallet counts it. Unrealised profit never counts.
///
/// `free` and `total` are what the last [`Wallet::update`] saw, not live numbers: Freqtrade caches them and some
/// amounts come out differently without the same staleness.
#[derive(Debug, Clone)]
pub(crate) struct Wallet {
    start: f64,
    is_futures: bool,
    free: f64,
    total: f64,
    /// Profit of closed trades.
    pub(crate) closed_profit: f64,
}

impl Wallet {
    pub(crate) fn new(settings: &Settings, is_futures: bool) -> Self {
        let start = settings.dry_run_wallet;
        Self { start, is_futures, free: start, total: start, closed_profit: 0.0 }
    }

    /// Recounts free and total money.
    pub(crate) fn update(&mut self, slots: &Slots) {
        let realized: f64 = slots.open().map(|position| position.trade.realized_profit).sum();
        let tied = tied_up(slots);
        let used = if self.is_futures { tied } else { waiting_entries(slots) };
        self.free = self.start + (self.closed_profit + realized) - tied;
        self.total = self.free + used;
    }

    /// Free and used money at the last update.
    pub(crate) fn total(&self) -> f64 {
        self.total
    }

    /// Money that protections call the starting balance.
    pub(crate) fn starting_balance(settings: &Settings) -> f64 {
        settings.available_capital.unwrap_or(settings.dry_run_wallet * settings.tradable_balance_ratio)
    }

    /// Money that may still be tied up.
    pub(crate) fn available(&self, settings: &Settings, slots: &Slots) -> f64 {
        let tied = tied_up(slots);
        let whole = match settings.available_capital {
            Some(capital) => capital + self.closed_profit,
            None => (tied + self.free) * settings.tradable_balance_ratio,
        };
        (whole - tied).min(self.free)
    }

    /// Stake of the next trade; `None` when there is too little money for it.
    pub(crate) fn trade_stake(&self, settings: &Settings, slots: &Slots) -> Option<f64> {
        let available = self.available(settings, slots);
        let mut stake = match settings.stake_amount {
            StakeAmount::Fixed(stake) => stake,
            StakeAmount::Unlimited => match settings.max_open_trades {
                Some(limit) => ((available + tied_up(slots)) / limit as f64).min(available),
                None => 0.0,
            },
        };
        if settings.amend_last_stake_amount {
            let enough = available > stake * settings.last_stake_amount_min_ratio;
            stake = if enough { stake.min(available) } else { 0.0 };
        }
        (available >= stake).then(|| stake.max(0.0))
    }
}

/// Collateral of all open trades.
pub(crate) fn tied_up(slots: &Slots) -> f64 {
    slots.open().map(|position| position.trade.stake_amount).sum()
}

fn waiting_entries(slots: &Slots) -> f64 {
    let waiting = slots.open().map(|position| {
        let orders = position.trade.orders.iter().filter(|order| order.is_open && order.is_entry);
        orders.map(|order| order.stake_amount(position.trade.leverage)).sum::<f64>()
    });
    waiting.sum()
}

/// Returns the stake that is really used: raised to the smallest allowed (by at most 30 %), cut to the largest, or
/// 0 when neither works. `trade_stake` is the collateral of the trade that is added to.
pub(crate) fn validate_stake(
    stake: f64,
    min_stake: f64,
    max_stake: f64,
    available: f64,
    trade_stake: Option<f64>,
) -> f64 {
    // Written so that NaN is refused.
    if stake.is_nan() || stake <= 0.0 {
        return 0.0;
    }
    let mut allowed = max_stake.min(available);
    if let Some(tied) = trade_stake.filter(|tied| *tied != 0.0) {
        allowed = allowed.min(max_stake - tied);
    }
    if min_stake > allowed {
        return 0.0;
    }
    let mut stake = stake;
    if stake < min_stake {
        if stake * 1.3 < min_stake {
            return 0.0;
        }
        stake = min_stake;
    }
    stake.min(allowed)
}

#[cfg(test)]
mod tests {
    use super::validate_stake;

    #[test]
    fn stakes_are_raised_cut_or_refused() {
        assert_eq!(validate_stake(9.0, 10.0, 1_000.0, 500.0, None), 10.0);
        assert_eq!(validate_stake(7.0, 10.0, 1_000.0, 500.0, None), 0.0);
        assert_eq!(validate_stake(700.0, 10.0, 1_000.0, 500.0, None), 500.0);
        assert_eq!(validate_stake(400.0, 10.0, 1_000.0, 500.0, Some(800.0)), 200.0);
        assert_eq!(validate_stake(10.0, 10.0, 9.0, 500.0, None), 0.0);
        assert_eq!(validate_stake(f64::NAN, 10.0, 90.0, 500.0, None), 0.0);
    }
}
