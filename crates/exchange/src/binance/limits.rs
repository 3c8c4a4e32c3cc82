//! What Binance counts: weight per minute and address, orders per ten seconds and per minute or day.

use super::endpoints;
use crate::budget::{Budget, Counts, LimitNote, LimitScope};
use crate::{Endpoint, Error, ErrorClass, Headers, Json, Lane};

const WEIGHT: &str = "weight";
const ORDERS_10S: &str = "orders 10s";
const ORDERS_1M: &str = "orders 1m";
const ORDERS_1D: &str = "orders 1d";

/// As documented; `exchangeInfo` says what holds today.
const SPOT_WEIGHT: Budget = Budget::new(WEIGHT, Counts::Weight, 6_000, 60);
const SPOT_ORDERS: [Budget; 2] = [
    Budget::new(ORDERS_10S, Counts::Orders, 100, 10),
    Budget::new(ORDERS_1D, Counts::Orders, 200_000, 86_400),
];
const CONTRACT_WEIGHT: Budget = Budget::new(WEIGHT, Counts::Weight, 2_400, 60);
const CONTRACT_ORDERS: [Budget; 2] =
    [Budget::new(ORDERS_10S, Counts::Orders, 300, 10), Budget::new(ORDERS_1M, Counts::Orders, 1_200, 60)];

pub(super) fn budgets(endpoint: &Endpoint) -> Vec<Budget> {
    let (weight, orders) = if endpoints::is_spot(endpoint.base) {
        (SPOT_WEIGHT, SPOT_ORDERS)
    } else {
        (CONTRACT_WEIGHT, CONTRACT_ORDERS)
    };
    let mut budgets = vec![weight];
    if endpoint.lane == Lane::Order {
        budgets.extend(orders);
    }
    budgets
}

/// Reads `rateLimits` of `exchangeInfo`; limits that we do not count are passed over.
pub(super) fn read(body: &[u8]) -> Vec<(&'static str, u32)> {
    let json = Json::parse(body).unwrap_or(Json::Null);
    json.get("rateLimits").items().iter().filter_map(limit).collect()
}

fn limit(row: &Json<'_>) -> Option<(&'static str, u32)> {
    let kind = row.get("rateLimitType").as_str()?;
    let name = match (kind, row.get("intervalNum").as_i64()?, row.get("interval").as_str()?) {
        ("REQUEST_WEIGHT", 1, "MINUTE") => WEIGHT,
        ("ORDERS", 10, "SECOND") => ORDERS_10S,
        ("ORDERS", 1, "MINUTE") => ORDERS_1M,
        ("ORDERS", 1, "DAY") => ORDERS_1D,
        _ => return None,
    };
    let limit = u32::try_from(row.get("limit").as_i64()?).ok().filter(|limit| *limit > 0)?;
    Some((name, limit))
}

/// `/sapi` counts apart and has headers of its own; its calls are counted with spot's, which errs on the safe side.
pub(super) fn notes(endpoint: &Endpoint, headers: &Headers) -> Vec<LimitNote> {
    if endpoint.path.starts_with("/sapi/") {
        return Vec::new();
    }
    let names = [
        (WEIGHT, "X-MBX-USED-WEIGHT-1M"),
        (ORDERS_10S, "X-MBX-ORDER-COUNT-10S"),
        (ORDERS_1M, "X-MBX-ORDER-COUNT-1M"),
        (ORDERS_1D, "X-MBX-ORDER-COUNT-1D"),
    ];
    let note = |(budget, header)| Some(LimitNote::Used { budget, used: headers.count(header)? });
    names.into_iter().filter_map(note).collect()
}

/// Too many orders (-1015) stop orders; everything else is about the address. A ban is one for all hosts.
pub(super) fn scope(error: &Error) -> LimitScope {
    if error.class == ErrorClass::DDoSProtection {
        return LimitScope::Everything;
    }
    if error.code.as_deref() != Some("-1015") {
        return LimitScope::Host;
    }
    // "... current limit is 100 orders per 10 SECOND."
    let interval = |word| error.message.contains(word);
    LimitScope::Budget(match () {
        () if interval("DAY") => ORDERS_1D,
        () if interval("MINUTE") => ORDERS_1M,
        () => ORDERS_10S,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_nonsense_passed_over() {
        let body = br#"{"rateLimits":[
            {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":1200},
            {"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":61000},
            {"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":-5},
            {"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000}]}"#;
        assert_eq!(read(body), [(WEIGHT, 1_200), (ORDERS_1D, 160_000)]);
        assert!(read(b"no json").is_empty());
    }

    #[test]
    fn orders_count_thrice_and_reading_once() {
        let of = |name, base: &str| {
            let mut all = endpoints::ENDPOINTS.iter();
            let endpoint = all.find(|row| row.name == name && row.base.contains(base));
            budgets(endpoint.unwrap()).iter().map(|budget| budget.name).collect::<Vec<_>>()
        };
        assert_eq!(of("createOrder", "//api"), [WEIGHT, ORDERS_10S, ORDERS_1D]);
        assert_eq!(of("createAlgoOrder", "//fapi"), [WEIGHT, ORDERS_10S, ORDERS_1M]);
        assert_eq!(of("cancelOrder", "//fapi"), [WEIGHT]);
        assert_eq!(of("order", "//api"), [WEIGHT]);
    }

    #[test]
    fn too_many_orders_do_not_stop_cancellations() {
        let mut error = Error::new(
            ErrorClass::RateLimitExceeded,
            "Too many new orders; current limit is 1200 orders per 1 MINUTE.",
        );
        assert_eq!(scope(&error), LimitScope::Host);
        error.code = Some("-1015".to_owned());
        assert_eq!(scope(&error), LimitScope::Budget(ORDERS_1M));
        error.class = ErrorClass::DDoSProtection;
        assert_eq!(scope(&error), LimitScope::Everything);
    }
}
