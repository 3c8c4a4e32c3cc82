//! `exchangeInfo` of the three books.

use tradai_domain::Symbol;

use super::book::Book;
use crate::base::iso8601;
use crate::model::{FeeSide, Limits, MarginModes, Market, MarketKind, MinMax, Precision, SubType};
use crate::{Decimal, Error, Json};

/// Reads one `exchangeInfo`; what makes no sense is left out.
pub(super) fn parse(book: Book, body: &[u8]) -> Result<Vec<Market>, Error> {
    let json = Json::parse(body)?;
    let rows = json.get("symbols");
    if !matches!(rows, Json::List(_)) {
        return Err(Error::bad_response("the list of markets has no `symbols`"));
    }
    Ok(rows.items().iter().filter_map(|row| market(book, row)).collect())
}

fn market(book: Book, row: &Json<'_>) -> Option<Market> {
    let id = row.get("symbol").to_text()?;
    let (base_id, quote_id) = (row.get("baseAsset").to_text()?, row.get("quoteAsset").to_text()?);
    let settle_id = row.get("marginAsset").to_text().filter(|_| book.is_contract());
    let kind = match (book, row.get("contractType").as_str()) {
        (Book::Spot, _) => MarketKind::Spot,
        (_, Some("PERPETUAL") | None) => MarketKind::Swap,
        (_, Some(kind)) if kind.ends_with("PERPETUAL") => MarketKind::Swap,
        _ => MarketKind::Future,
    };
    let expiry = row.get("deliveryDate").as_millis().filter(|_| kind == MarketKind::Future);
    let symbol = symbol(&base_id, &quote_id, settle_id.as_deref(), expiry)?;
    let contract = book.is_contract();
    let (taker, maker) = default_fees(book);
    Some(Market {
        lowercase_id: Some(id.to_lowercase()),
        symbol,
        base: base_id.clone(),
        quote: quote_id.clone(),
        settle: settle_id.clone(),
        base_id,
        quote_id,
        settle_id,
        kind,
        active: Some(is_active(row, book)),
        margin: if contract { Some(false) } else { row.get("isMarginTradingAllowed").as_bool() },
        sub_type: match book {
            Book::Spot => None,
            Book::Linear => Some(SubType::Linear),
            Book::Inverse => Some(SubType::Inverse),
        },
        taker: Decimal::new(taker, 4),
        maker: Decimal::new(maker, 4),
        contract_size: contract.then(|| row.get("contractSize").as_decimal().unwrap_or(Decimal::ONE)),
        expiry,
        strike: None,
        option_type: None,
        precision: precision(row, book),
        limits: limits(row),
        // Which spot pairs can be margined, and how, is in two further lists for signed calls only.
        margin_modes: if contract {
            MarginModes { cross: Some(true), isolated: Some(true) }
        } else {
            MarginModes::default()
        },
        created: row.get("onboardDate").as_millis(),
        tier_based: Some(false),
        percentage: Some(true),
        fee_side: Some(FeeSide::Get),
        funding_interval_minutes: None,
        order_types: row.get("orderTypes").items().iter().filter_map(Json::to_text).collect(),
        id,
    })
}

/// Returns what taker and maker pay without any discount, in hundredths of a per cent.
fn default_fees(book: Book) -> (i128, i128) {
    match book {
        Book::Spot => (10, 10),
        Book::Linear => (5, 2),
        Book::Inverse => (5, 1),
    }
}

/// Writes a symbol: `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USD:BTC-200925`.
fn symbol(base: &str, quote: &str, settle: Option<&str>, expiry: Option<i64>) -> Option<Symbol> {
    let mut text = format!("{base}/{quote}");
    if let Some(settle) = settle {
        text = format!("{text}:{settle}");
    }
    if let Some(expiry) = expiry {
        let date = iso8601(expiry)?;
        text = format!("{text}-{}{}{}", date.get(2..4)?, date.get(5..7)?, date.get(8..10)?);
    }
    text.parse().ok()
}

fn is_active(row: &Json<'_>, book: Book) -> bool {
    let trading = row.first(&["contractStatus", "status"]).as_str() == Some("TRADING");
    let permitted = book.is_contract() || row.get("isSpotTradingAllowed").as_bool() != Some(false);
    trading && permitted
}

fn filter<'a, 'b>(row: &'a Json<'b>, kinds: &[&str]) -> &'a Json<'b> {
    const NONE: &Json<'static> = &Json::Null;
    let found = row
        .get("filters")
        .items()
        .iter()
        .find(|filter| filter.get("filterType").as_str().is_some_and(|kind| kinds.contains(&kind)));
    found.unwrap_or(NONE)
}

/// Steps are what the filters say; a step of zero means that there is none. Digits are the fallback.
fn precision(row: &Json<'_>, book: Book) -> Precision {
    let digits = |name: &str| {
        let places = row.get(name).as_i64().and_then(|places| i32::try_from(places).ok())?;
        Decimal::power_of_ten(places.checked_neg()?)
    };
    let (amount, price) = if book.is_contract() {
        (digits("quantityPrecision"), digits("pricePrecision"))
    } else {
        (digits("baseAssetPrecision"), digits("quotePrecision"))
    };
    let tick = filter(row, &["PRICE_FILTER"]).get("tickSize").as_nonzero();
    let step = filter(row, &["LOT_SIZE"]).get("stepSize").as_nonzero();
    Precision {
        amount: step.or(amount),
        price: tick.or(price),
        cost: None,
        base: digits("baseAssetPrecision"),
        quote: digits("quotePrecision"),
    }
}

fn limits(row: &Json<'_>) -> Limits {
    let prices = filter(row, &["PRICE_FILTER"]);
    let lots = filter(row, &["LOT_SIZE"]);
    let market_lots = filter(row, &["MARKET_LOT_SIZE"]);
    let costs = filter(row, &["MIN_NOTIONAL", "NOTIONAL"]);
    let range = |filter: &Json<'_>, min: &str, max: &str| MinMax {
        min: filter.get(min).as_decimal(),
        max: filter.get(max).as_decimal(),
    };
    let mut price = range(prices, "minPrice", "maxPrice");
    price.max = price.max.filter(|max| max.is_positive());
    Limits {
        leverage: MinMax::default(),
        amount: range(lots, "minQty", "maxQty"),
        price,
        cost: MinMax {
            min: costs.first(&["minNotional", "notional"]).as_decimal(),
            max: costs.get("maxNotional").as_decimal(),
        },
        market: range(market_lots, "minQty", "maxQty"),
    }
}
