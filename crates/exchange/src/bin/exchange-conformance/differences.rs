//! Where we differ from the reference on purpose. A case counts here only if it fails, fits the rule, and differs
//! nowhere else.

use tradai_exchange::Json;

use crate::report::Case;

struct Difference {
    kind: &'static str,
    /// Empty for every method.
    method: &'static str,
    /// Looks at the case and at what differs.
    fits: fn(&Case<'_>, &str) -> bool,
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        kind: "errors",
        method: "",
        fits: |case, _| case.json.get("http_status").as_i64() == Some(429),
        reason: "429 is RateLimitExceeded on every exchange, with a time to wait",
    },
    Difference {
        kind: "base",
        method: "decimal_to_precision",
        fits: |case, _| {
            let negative = case.json.get("value").as_str().is_some_and(|value| value.starts_with('-'));
            negative && case.json.get("counting").as_str() == Some("SIGNIFICANT_DIGITS")
        },
        reason: "significant digits of a negative number: the reference counts the sign as one",
    },
    Difference {
        kind: "markets",
        method: "",
        fits: |case, why| is_binance(case) && only(why, &[".marginModes.cross", ".marginModes.isolated"]),
        reason: "margin modes of spot pairs are unknown: exchangeInfo does not have them, signed lists do",
    },
    Difference {
        kind: "request",
        method: "",
        fits: |case, why| {
            let asks_account =
                ["fetchPositions", "fetchLeverage", "fetchLeverageTiers", "fetchMarketLeverageTiers"];
            let elsewhere = why.starts_with("expected GET https://fapi.binance.com");
            is_binance(case)
                && elsewhere
                && asks_account.contains(&case.method)
                && first_symbol(case).contains("/USD:")
        },
        reason: "inverse contracts are asked of the inverse book; the reference asks the linear one",
    },
    Difference {
        kind: "request",
        method: "fetchBalance",
        fits: |case, _| case.exchange == "binanceusdm" && has_word(case.json.get("input"), "funding"),
        reason: "the funding wallet is asked for when it is named; the reference asks the futures wallet",
    },
    Difference {
        kind: "response",
        method: "fetchTradingFee",
        fits: |case, why| is_binance(case) && only(why, &[".symbol"]),
        reason: "the fee of a contract is told of the contract; the reference says the spot pair",
    },
    Difference {
        kind: "response",
        method: "fetchPositions",
        fits: |case, why| is_binance(case) && only(why, &[".side"]),
        reason: "positions without a notional have a side all the same",
    },
    Difference {
        kind: "response",
        method: "fetchOHLCV",
        fits: |case, _| is_binance(case) && matches!(case.json.get("httpResponse").at(0), Json::Map(_)),
        reason: "candles of options are not supported",
    },
    Difference {
        kind: "request",
        method: "createOrder",
        fits: |case, why| {
            let trails = has_key(case.json.get("input"), "trailingPercent");
            case.exchange == "bybit" && why.starts_with("refused: ") && (trails || is_nonsense(case))
        },
        reason: "Bybit has no such order (unknown type, amount of zero, trailing order); the reference sends it",
    },
    Difference {
        kind: "request",
        method: "cancelOrder",
        fits: |case, why| {
            let named = has_word(case.json.get("input"), "tradai-0001-abc");
            case.exchange == "bybit" && named && why.starts_with("body.order")
        },
        reason: "our order id goes out as orderLinkId, which Bybit reads; the reference sends clientOrderId",
    },
    Difference {
        kind: "request",
        method: "fetchOrder",
        fits: |case, why| {
            case.exchange == "bybit" && why.starts_with("expected ArgumentsRequired, got HttpRequest")
        },
        reason: "one order can be looked up, by our id above all; the reference wants a flag first",
    },
    Difference {
        kind: "request",
        method: "fetchOpenOrders",
        fits: |case, _| case.exchange == "bybit" && has_word(case.json.get("input"), "inverse"),
        reason: "inverse orders of all markets are not asked for with a settlement currency of USDT",
    },
    Difference {
        kind: "request",
        method: "",
        fits: |_, why| why.starts_with("query.type: "),
        reason: "our own words are not sent along",
    },
    Difference {
        kind: "request",
        method: "setMarginMode",
        fits: |case, _| has_word(case.json.get("input"), "cruft"),
        reason: "a margin mode that does not exist cannot be spelled: refused as BadRequest on every exchange",
    },
    Difference {
        kind: "response",
        method: "fetchFundingRate",
        fits: |case, why| case.exchange == "bybit" && only(why, &[".interval"]),
        reason: "eight hours are 8h; the reference says 0h",
    },
    Difference {
        kind: "response",
        method: "fetchOrderBook",
        fits: |_, why| why.starts_with("levels: "),
        reason: "levels are price and amount; what further columns hold is not passed on",
    },
    Difference {
        kind: "response",
        method: "fetchPositions",
        fits: |case, _| {
            let rows = case.json.get("httpResponse").get("result").get("list");
            case.exchange == "bybit" && rows.at(0).has("avgExitPrice")
        },
        reason: "rows of closed positions belong to another method",
    },
    Difference {
        kind: "pagination",
        method: "",
        fits: |case, _| case.exchange == "bybit" && has_word(case.json.get("input"), "1700000000000"),
        reason: "every window has an end, so that all candles come; the reference gets the last page each time",
    },
    Difference {
        kind: "markets",
        method: "",
        fits: |case, why| case.exchange == "okx" && only(why, &[".instIdCode"]),
        reason: "OKX's second id of an instrument is not part of the unified structure",
    },
    Difference {
        kind: "request",
        method: "",
        fits: |case, why| {
            case.exchange == "okx" && (why.starts_with("body.lever: ") || why.starts_with("body.amt: "))
        },
        reason: "OKX documents leverages and amounts as text; the reference passes numbers on",
    },
    Difference {
        kind: "request",
        method: "createOrder",
        fits: |case, why| case.exchange == "okx" && why.starts_with("refused: ") && is_nonsense(case),
        reason: "OKX has no such order (unknown type, limit without a price); the reference sends it",
    },
    Difference {
        kind: "request",
        method: "",
        fits: |case, _| {
            let with_cost =
                case.json.get("input").items().iter().any(|argument| !argument.get("cost").is_null());
            case.exchange == "okx" && (case.method == "createMarketOrderWithCost" || with_cost)
        },
        reason: "a cost is spent in quote currency; the reference refuses it, or buys as much base currency",
    },
    Difference {
        kind: "request",
        method: "createOrder",
        fits: |case, why| case.exchange == "okx" && only(why, &["body.algoClOrdId", "body.clOrdId"]),
        reason: "conditional orders go out under the id that they can be looked up by; the reference's cannot",
    },
    Difference {
        kind: "request",
        method: "fetchFundingRateHistory",
        fits: |case, why| case.exchange == "okx" && why.starts_with("query.after: "),
        reason: "OKX calls the end of a stretch `after`",
    },
    Difference {
        kind: "response",
        method: "",
        fits: |case, why| case.exchange == "okx" && only(why, &[".symbol"]),
        reason: "ids of markets we did not list are read, too; the reference passes the id on",
    },
    Difference {
        kind: "response",
        method: "",
        fits: |case, why| case.exchange == "okx" && only(why, &[".clientOrderId"]),
        reason: "conditional orders have an id of ours, too, and are looked up by it",
    },
    Difference {
        kind: "pagination",
        method: "",
        fits: |case, why| case.exchange == "okx" && why.contains(" requests, got "),
        reason: "all windows from the start; the reference stops at ten, or refuses",
    },
];

/// Returns why a failed case is meant to differ.
pub(crate) fn reason(case: &Case<'_>, why: &str) -> Option<&'static str> {
    let fits = |difference: &&Difference| {
        difference.kind == case.kind
            && (difference.method.is_empty() || difference.method == case.method)
            && (difference.fits)(case, why)
    };
    DIFFERENCES.iter().find(fits).map(|difference| difference.reason)
}

fn is_binance(case: &Case<'_>) -> bool {
    case.exchange.starts_with("binance")
}

/// Whether a comparison differs in these fields only.
fn only(why: &str, fields: &[&str]) -> bool {
    why.split("; ").all(|fault| {
        let path = fault.split(": ").next().unwrap_or_default();
        fields.iter().any(|field| path.ends_with(field))
    })
}

/// Whether no exchange could take this order: a type that is none, an amount of zero, a limit without a price.
fn is_nonsense(case: &Case<'_>) -> bool {
    let input = case.json.get("input");
    let limit = input.at(1).as_str() == Some("limit");
    let unknown = !limit && input.at(1).as_str() != Some("market");
    let nothing = input.at(3).as_decimal().is_none_or(|amount| amount.is_zero());
    unknown || nothing || (limit && input.at(4).as_decimal().is_none())
}

fn has_key(json: &Json<'_>, key: &str) -> bool {
    json.items().iter().any(|argument| argument.has(key))
}

fn has_word(json: &Json<'_>, word: &str) -> bool {
    match json {
        Json::List(items) => items.iter().any(|item| has_word(item, word)),
        Json::Map(members) => members.iter().any(|(_, value)| has_word(value, word)),
        scalar => scalar.as_str() == Some(word),
    }
}

/// Returns the first argument, or its first element.
fn first_symbol<'a>(case: &'a Case<'_>) -> &'a str {
    let first = case.json.get("input").at(0);
    match first {
        Json::List(items) => items.first().and_then(Json::as_str).unwrap_or_default(),
        single => single.as_str().unwrap_or_default(),
    }
}
