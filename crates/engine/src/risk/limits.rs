//! Smallest and largest stakes, and the leverage they allow.

use tradai_domain::{LeverageTier, Market};

use crate::money::Precise;

/// The rules of one market as stakes see them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MarketLimits<'a> {
    pub(crate) market: &'a Market,
    /// Tiers in the order of position value; empty on spot.
    pub(crate) tiers: &'a [LeverageTier],
    /// Reserve on top of the smallest order (`amount_reserve_percent`).
    pub(crate) amount_reserve: f64,
}

impl MarketLimits<'_> {
    fn contracts_to_amount(self, contracts: f64) -> f64 {
        match self.market.contract_size {
            // In decimals: 0.004369053 contracts of 100 are 0.4369053, which floats miss by a little.
            Some(size) if size != 0.0 && size != 1.0 => {
                (Precise::new(contracts) * Precise::new(size)).to_f64()
            }
            _ => contracts,
        }
    }

    /// Returns the smallest stake at `price`, with a reserve for a stop `stoploss` away; `None` without limits.
    pub(crate) fn min_stake(self, price: f64, stoploss: f64, leverage: f64) -> Option<f64> {
        let margin_reserve = 1.0 + self.amount_reserve;
        let reserve = if stoploss.abs() == 1.0 { 1.5 } else { margin_reserve / (1.0 - stoploss.abs()) };
        let reserve = reserve.clamp(1.0, 1.5);
        let cost = self.market.limits.cost.min.map(|cost| self.contracts_to_amount(cost) * reserve);
        let amount = self.market.limits.amount.min;
        let amount = amount.map(|amount| self.contracts_to_amount(amount) * price * margin_reserve);
        let largest = [cost, amount].into_iter().flatten().reduce(f64::max)?;
        Some(largest / leverage)
    }

    /// Returns the largest stake at `price`; infinite without limits.
    pub(crate) fn max_stake(self, price: f64, leverage: f64) -> f64 {
        let tier = self.tiers.iter().rev().find(|tier| leverage <= tier.max_leverage);
        let notional = tier.and_then(|tier| tier.max_notional).filter(|notional| *notional != 0.0);
        let cost = self.market.limits.cost.max.map(|cost| self.contracts_to_amount(cost));
        let amount = self.market.limits.amount.max.map(|amount| self.contracts_to_amount(amount) * price);
        let smallest = [notional, cost, amount].into_iter().flatten().reduce(f64::min);
        smallest.map_or(f64::INFINITY, |smallest| smallest / leverage)
    }

    /// Returns the largest leverage of a position with this collateral; 1 without tiers.
    ///
    /// A stake beyond the last tier gets that tier's leverage; [`Self::max_stake`] cuts it afterwards. (Freqtrade
    /// stops the whole backtest there.)
    pub(crate) fn max_leverage(self, stake: f64) -> f64 {
        let fits = |tier: &&LeverageTier| {
            tier.max_notional.is_none_or(|notional| stake <= notional / tier.max_leverage)
        };
        let first = if stake == 0.0 { self.tiers.first() } else { self.tiers.iter().find(fits) };
        first.or(self.tiers.last()).map_or(1.0, |tier| tier.max_leverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market() -> Market {
        serde_json::from_str(
            r#"{"symbol": "BTC/USDT:USDT", "precision": {"amount": 0.001, "price": 0.1}, "contractSize": 1.0,
                "limits": {"amount": {"min": 0.001, "max": 1000}, "cost": {"min": 100}}}"#,
        )
        .unwrap()
    }

    fn tier(min_notional: f64, max_notional: f64, max_leverage: f64) -> LeverageTier {
        LeverageTier {
            min_notional,
            max_notional: Some(max_notional),
            maintenance_margin_rate: 0.004,
            max_leverage,
            maint_amt: Some(0.0),
        }
    }

    #[test]
    fn smallest_stake_takes_the_larger_limit() {
        let market = market();
        let limits = MarketLimits { market: &market, tiers: &[], amount_reserve: 0.05 };
        // Cost: 100 · 1.05 / 0.95; amount: 0.001 · 50,000 · 1.05 = 52.5.
        assert_eq!(limits.min_stake(50_000.0, -0.05, 1.0), Some(100.0 * (1.05 / 0.95)));
        assert_eq!(limits.min_stake(50_000.0, 0.0, 2.0), Some(52.5));
        assert_eq!(limits.max_stake(50_000.0, 1.0), 50_000_000.0);
    }

    #[test]
    fn leverage_falls_with_the_stake() {
        let market = market();
        let tiers = [tier(0.0, 1_000.0, 100.0), tier(1_000.0, 5_000.0, 50.0)];
        let limits = MarketLimits { market: &market, tiers: &tiers, amount_reserve: 0.05 };
        assert_eq!(
            [10.0, 50.0, 100.0, 500.0].map(|stake| limits.max_leverage(stake)),
            [100.0, 50.0, 50.0, 50.0]
        );
        assert_eq!(limits.max_stake(1.0, 60.0), 1_000.0 / 60.0);
    }
}
