//! When the exchange closes a position.

use tradai_domain::LeverageTier;

/// Returns the liquidation price of an isolated position, moved `buffer` of the way towards the entry; `None`
/// without leverage tiers. `stake` is the collateral in settlement currency, `amount` the size in base currency.
///
/// Binance's formula for USD-M perpetuals with isolated margin (support article b3c689c1f50a44cabb3a84e663b81d93),
/// with the tier looked up by collateral as Freqtrade does.
pub(crate) fn liquidation_price(
    tiers: &[LeverageTier],
    open_rate: f64,
    is_short: bool,
    amount: f64,
    stake: f64,
    buffer: f64,
) -> Option<f64> {
    let tier = tiers.iter().rev().find(|tier| stake >= tier.min_notional)?;
    let side = if is_short { -1.0 } else { 1.0 };
    let maintenance = tier.maint_amt.unwrap_or_default();
    let price = ((stake + maintenance) - (side * amount * open_rate))
        / ((amount * tier.maintenance_margin_rate) - (side * amount));
    let distance = (open_rate - price).abs() * buffer;
    let buffered = if is_short { price - distance } else { price + distance };
    Some(buffered.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_at_ten_times() {
        let tier = LeverageTier {
            min_notional: 0.0,
            max_notional: None,
            maintenance_margin_rate: 0.005,
            max_leverage: 20.0,
            maint_amt: None,
        };
        // (100 − 1·1000) / (0.005 − 1) = 904.5226…; 5 % of the way back to 1000 is 909.2965.
        let price = liquidation_price(&[tier], 1_000.0, false, 1.0, 100.0, 0.05).unwrap();
        assert!((price - 909.296_482).abs() < 1e-6, "{price}");
        let short = liquidation_price(&[tier], 1_000.0, true, 1.0, 100.0, 0.0).unwrap();
        assert!((short - 1_100.0 / 1.005).abs() < 1e-9);
        assert_eq!(liquidation_price(&[], 1_000.0, true, 1.0, 100.0, 0.0), None);
    }
}
