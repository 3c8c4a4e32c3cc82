//! Leverage brackets of perpetuals: the same for every market, in the shape of Binance's for BTCUSDT.

use rust_decimal::Decimal;

/// Largest leverage of the first bracket.
pub(crate) const MAX_LEVERAGE: u32 = 125;

/// One bracket, by the value of the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tier {
    pub(crate) number: u32,
    pub(crate) max_leverage: u32,
    /// Position value from which the bracket holds, and up to which.
    pub(crate) floor: Decimal,
    pub(crate) cap: Decimal,
    pub(crate) maintenance_rate: Decimal,
    /// Deducted from the maintenance margin, so that it grows without jumps.
    pub(crate) deduction: Decimal,
}

/// Cap, largest leverage, maintenance rate in 1/10,000.
const TABLE: [(i64, u32, i64); 8] = [
    (50_000, 125, 40),
    (600_000, 100, 50),
    (3_000_000, 75, 65),
    (12_000_000, 50, 100),
    (70_000_000, 25, 200),
    (100_000_000, 20, 250),
    (230_000_000, 10, 500),
    (1_000_000_000, 1, 1_000),
];

/// Returns all brackets, lowest first.
pub(crate) fn tiers() -> Vec<Tier> {
    let mut floor = Decimal::ZERO;
    let mut rate = Decimal::ZERO;
    let mut deduction = Decimal::ZERO;
    let mut tiers = Vec::with_capacity(TABLE.len());
    for (number, (cap, max_leverage, per_ten_thousand)) in (1..).zip(TABLE) {
        let maintenance_rate = Decimal::new(per_ten_thousand, 4);
        deduction += floor * (maintenance_rate - rate);
        let cap = Decimal::from(cap);
        tiers.push(Tier { number, max_leverage, floor, cap, maintenance_rate, deduction });
        (floor, rate) = (cap, maintenance_rate);
    }
    // Nothing is deducted in the first bracket, whose floor is zero.
    tiers
}

/// Returns the bracket of a position's value; the last one beyond its cap.
pub(crate) fn tier_of(notional: Decimal) -> Tier {
    let tiers = tiers();
    let at = tiers.iter().position(|tier| notional <= tier.cap).unwrap_or(tiers.len() - 1);
    tiers[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_margin_has_no_jumps() {
        for pair in tiers().windows(2) {
            let margin = |tier: &Tier| pair[0].cap * tier.maintenance_rate - tier.deduction;
            assert_eq!(margin(&pair[0]), margin(&pair[1]));
        }
        assert_eq!(tier_of(Decimal::from(50_001)).number, 2);
        assert_eq!(tiers()[1].deduction, Decimal::from(50));
    }
}
