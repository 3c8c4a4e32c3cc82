//! The rules an order must meet, and what breaking one is answered with.

use rust_decimal::Decimal;
use serde_json::Value;

use super::Venue;
use crate::number::{self, on_grid};
use crate::refusal::{Outcome, Refusal};

/// Limits of a market. A bound or step of zero means there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filters {
    pub(crate) min_price: Decimal,
    pub(crate) max_price: Decimal,
    pub(crate) tick: Decimal,
    pub(crate) min_quantity: Decimal,
    pub(crate) max_quantity: Decimal,
    pub(crate) step: Decimal,
    /// Of market orders; zero stands for the limits of all orders.
    pub(crate) market_max_quantity: Decimal,
    pub(crate) min_notional: Decimal,
    /// Prices may lie between these multiples of the average (spot) or mark price.
    pub(crate) multiplier_down: Decimal,
    pub(crate) multiplier_up: Decimal,
    pub(crate) max_orders: usize,
    pub(crate) max_algo_orders: usize,
}

impl Filters {
    /// Returns limits that fit a market of these grids and price.
    pub(crate) fn usual(venue: Venue, tick: Decimal, step: Decimal) -> Self {
        let (min_notional, multiplier_down, multiplier_up, max_orders, max_algo_orders) = match venue {
            Venue::Spot => (Decimal::from(5), Decimal::new(2, 1), Decimal::from(5), 200, 5),
            Venue::UsdM => (Decimal::from(5), Decimal::new(5, 1), Decimal::new(15, 1), 200, 200),
        };
        Self {
            min_price: tick,
            max_price: Decimal::from(1_000_000),
            tick,
            min_quantity: step,
            max_quantity: Decimal::from(9_000_000),
            step,
            market_max_quantity: Decimal::from(1_000_000),
            min_notional,
            multiplier_down,
            multiplier_up,
            max_orders,
            max_algo_orders,
        }
    }

    /// Returns these limits as an entry of exchangeInfo changes them; what it does not name stays.
    pub(crate) fn described_by(mut self, entry: &Value) -> Self {
        let filters = entry["filters"].as_array().map(Vec::as_slice).unwrap_or_default();
        for filter in filters {
            let set = |target: &mut Decimal, key: &str| {
                if let Some(value) = filter[key].as_str().and_then(number::parse) {
                    *target = value;
                }
            };
            let count = |key: &str| filter[key].as_u64().and_then(|count| usize::try_from(count).ok());
            match filter["filterType"].as_str().unwrap_or_default() {
                "PRICE_FILTER" => {
                    set(&mut self.min_price, "minPrice");
                    set(&mut self.max_price, "maxPrice");
                    set(&mut self.tick, "tickSize");
                }
                "LOT_SIZE" => {
                    set(&mut self.min_quantity, "minQty");
                    set(&mut self.max_quantity, "maxQty");
                    set(&mut self.step, "stepSize");
                }
                "MARKET_LOT_SIZE" => set(&mut self.market_max_quantity, "maxQty"),
                "MIN_NOTIONAL" | "NOTIONAL" => {
                    set(&mut self.min_notional, "minNotional");
                    set(&mut self.min_notional, "notional");
                }
                "PERCENT_PRICE" => {
                    set(&mut self.multiplier_down, "multiplierDown");
                    set(&mut self.multiplier_up, "multiplierUp");
                }
                "MAX_NUM_ORDERS" => {
                    self.max_orders = count("maxNumOrders").or(count("limit")).unwrap_or(self.max_orders);
                }
                "MAX_NUM_ALGO_ORDERS" => {
                    self.max_algo_orders =
                        count("maxNumAlgoOrders").or(count("limit")).unwrap_or(self.max_algo_orders);
                }
                _ => {}
            }
        }
        self
    }

    /// Checks a price or trigger price; `reference` is what the percent filter compares with.
    pub(crate) fn check_price(
        &self,
        venue: Venue,
        name: &str,
        price: Decimal,
        reference: Decimal,
    ) -> Outcome<()> {
        let below = price < self.min_price;
        let above = !self.max_price.is_zero() && price > self.max_price;
        if venue == Venue::Spot {
            if price.scale() > number::PLACES {
                return Err(Refusal::too_precise(venue, name));
            }
            if below || above || !on_grid(price, self.min_price, self.tick) {
                return Err(Refusal::filter("PRICE_FILTER"));
            }
        } else {
            if price.is_zero() {
                return Err(Refusal::new(-4001, "Price less than 0."));
            }
            if price.normalize().scale() > self.tick.normalize().scale() {
                return Err(Refusal::too_precise(venue, name));
            }
            if above {
                return Err(Refusal::new(-4002, "Price greater than max price."));
            }
            if below {
                return Err(Refusal::new(-4013, "Price less than min price."));
            }
            if !on_grid(price, Decimal::ZERO, self.tick) {
                return Err(Refusal::new(-4014, "Price not increased by tick size."));
            }
        }
        self.check_percent(venue, price, reference)
    }

    fn check_percent(&self, venue: Venue, price: Decimal, reference: Decimal) -> Outcome<()> {
        let lowest = reference * self.multiplier_down;
        let highest = reference * self.multiplier_up;
        if reference.is_zero() || highest.is_zero() || (lowest..=highest).contains(&price) {
            return Ok(());
        }
        let places = self.tick.normalize().scale();
        Err(match venue {
            Venue::Spot => Refusal::filter("PERCENT_PRICE_BY_SIDE"),
            Venue::UsdM if price > highest => {
                let bound = number::fixed(highest, places);
                Refusal::new(-4016, format!("Limit price can't be higher than {bound}."))
            }
            Venue::UsdM => {
                let bound = number::fixed(lowest, places);
                Refusal::new(-4024, format!("Limit price can't be lower than {bound}."))
            }
        })
    }

    /// Checks a quantity.
    pub(crate) fn check_quantity(&self, venue: Venue, quantity: Decimal, is_market: bool) -> Outcome<()> {
        let market_max = if is_market { self.market_max_quantity } else { Decimal::ZERO };
        let over_market = !market_max.is_zero() && quantity > market_max;
        let above = !self.max_quantity.is_zero() && quantity > self.max_quantity;
        if venue == Venue::Spot {
            if quantity.scale() > number::PLACES {
                return Err(Refusal::too_precise(venue, "quantity"));
            }
            if quantity < self.min_quantity || above || !on_grid(quantity, self.min_quantity, self.step) {
                return Err(Refusal::filter("LOT_SIZE"));
            }
            if over_market {
                return Err(Refusal::filter("MARKET_LOT_SIZE"));
            }
            return Ok(());
        }
        if quantity.is_zero() {
            return Err(Refusal::new(-4003, "Quantity less than or equal to zero."));
        }
        if quantity.normalize().scale() > self.step.normalize().scale() {
            return Err(Refusal::too_precise(venue, "quantity"));
        }
        if quantity < self.min_quantity {
            return Err(Refusal::new(-4004, "Quantity less than min quantity."));
        }
        if above || over_market {
            return Err(Refusal::new(-4005, "Quantity greater than max quantity."));
        }
        if !on_grid(quantity, Decimal::ZERO, self.step) {
            return Err(Refusal::new(-4023, "Qty not increased by step size."));
        }
        Ok(())
    }

    /// Checks what an order is worth.
    pub(crate) fn check_notional(&self, venue: Venue, cost: Decimal, is_reducing: bool) -> Outcome<()> {
        if cost >= self.min_notional || is_reducing {
            return Ok(());
        }
        Err(match venue {
            Venue::Spot => Refusal::filter("NOTIONAL"),
            Venue::UsdM => {
                let least = number::plain(self.min_notional);
                let text = format!(
                    "Order's notional must be no smaller than {least} (unless you choose reduce only)."
                );
                Refusal::new(-4164, text)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn filters(venue: Venue) -> Filters {
        Filters::usual(venue, decimal("0.01"), decimal("0.001")).described_by(&json!({"filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.05", "maxPrice": "1000.00", "tickSize": "0.05"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 3},
            {"filterType": "NEW_ONE", "limit": "x"},
        ]}))
    }

    #[test]
    fn spot_prices_and_quantities() {
        let (venue, filters) = (Venue::Spot, filters(Venue::Spot));
        assert_eq!(filters.max_orders, 3);
        let price =
            |text| filters.check_price(venue, "price", decimal(text), decimal("100")).map_err(|r| r.message);
        assert_eq!(price("99.95"), Ok(()));
        for text in ["99.96", "0.04", "1000.05"] {
            assert_eq!(price(text), Err("Filter failure: PRICE_FILTER".to_owned()), "{text}");
        }
        assert_eq!(price("19.95"), Err("Filter failure: PERCENT_PRICE_BY_SIDE".to_owned()));
        assert_eq!(price("99.950000001"), Err("Parameter 'price' has too much precision.".to_owned()));
        let quantity = |text| filters.check_quantity(venue, decimal(text), true).map_err(|r| r.message);
        assert_eq!(quantity("0.001"), Ok(()));
        assert_eq!(quantity("0.0015"), Err("Filter failure: LOT_SIZE".to_owned()));
        assert_eq!(quantity("2000000"), Err("Filter failure: MARKET_LOT_SIZE".to_owned()));
        assert!(filters.check_notional(venue, decimal("4.99"), false).is_err());
    }

    #[test]
    fn futures_have_a_code_for_each_fault() {
        let (venue, filters) = (Venue::UsdM, filters(Venue::UsdM));
        let price =
            |text| filters.check_price(venue, "price", decimal(text), decimal("100")).map_err(|r| r.code);
        let quantity = |text| filters.check_quantity(venue, decimal(text), false).map_err(|r| r.code);
        assert_eq!([price("0"), price("99.999"), price("99.96")], [Err(-4001), Err(-1111), Err(-4014)]);
        assert_eq!([price("160.00"), price("49.95"), price("0.04")], [Err(-4016), Err(-4024), Err(-4013)]);
        assert_eq!(
            [quantity("0"), quantity("0.0001"), quantity("9000001")],
            [Err(-4003), Err(-1111), Err(-4005)]
        );
        assert_eq!(filters.check_notional(venue, decimal("4"), true), Ok(()));
        assert_eq!(filters.check_notional(venue, decimal("4"), false).map_err(|r| r.code), Err(-4164));
    }
}
