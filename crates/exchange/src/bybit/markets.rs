//! `instruments-info` of every category.

use tradai_domain::Symbol;

use crate::base::iso8601;
use crate::model::{
    FeeSide, Limits, MarginModes, Market, MarketKind, MinMax, OptionType, Precision, SubType,
};
use crate::{Decimal, Error, Json};

/// Reads one list; what makes no sense is left out.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Market>, Error> {
    let json = Json::parse(body)?;
    let rows = json.get("result").get("list");
    if !matches!(rows, Json::List(_)) {
        return Err(Error::bad_response("the list of markets has no `result.list`"));
    }
    Ok(rows.items().iter().filter_map(market).collect())
}

fn market(row: &Json<'_>) -> Option<Market> {
    let id = row.get("symbol").to_text()?;
    let (base, quote) = (row.get("baseCoin").to_text()?, row.get("quoteCoin").to_text()?);
    let contract_type = row.get("contractType").as_str();
    let option_type = row.get("optionsType").as_str();
    let kind = match (contract_type, option_type) {
        (_, Some(_)) => MarketKind::Option,
        (None, None) => MarketKind::Spot,
        (Some(word), _) if word.ends_with("Futures") => MarketKind::Future,
        _ => MarketKind::Swap,
    };
    let spot = kind == MarketKind::Spot;
    let settle = row.get("settleCoin").to_text().filter(|_| !spot);
    let inverse = contract_type.is_some_and(|word| word.starts_with("Inverse"));
    let expiry = row.get("deliveryTime").as_millis().filter(|time| *time > 0 && !spot);
    let strike =
        id.split('-').nth(2).and_then(|strike| strike.parse().ok()).filter(|_| option_type.is_some());
    let sub_type = if inverse { SubType::Inverse } else { SubType::Linear };
    Some(Market {
        symbol: symbol(&base, &quote, settle.as_deref(), expiry, strike, option_type)?,
        lowercase_id: None,
        base_id: base.clone(),
        quote_id: quote.clone(),
        settle_id: settle.clone(),
        base,
        quote,
        settle,
        kind,
        active: Some(row.get("status").as_str() == Some("Trading")),
        margin: match kind {
            MarketKind::Spot => row.get("marginTrading").as_str().map(|word| word != "none"),
            MarketKind::Option => Some(false),
            _ => None,
        },
        sub_type: (!spot).then_some(sub_type),
        taker: Decimal::new(if spot { 10 } else { 6 }, 4),
        maker: Decimal::new(if spot { 10 } else { 1 }, 4),
        contract_size: (!spot).then_some(Decimal::ONE),
        expiry,
        strike,
        option_type: option_type.map(|word| if word == "Put" { OptionType::Put } else { OptionType::Call }),
        precision: precision(row),
        limits: limits(row, spot),
        margin_modes: MarginModes::default(),
        created: row.get("launchTime").as_millis(),
        tier_based: Some(true),
        percentage: Some(true),
        fee_side: Some(FeeSide::Get),
        order_types: Vec::new(),
        funding_interval_minutes: row.get("fundingInterval").as_i64(),
        id,
    })
}

fn symbol(
    base: &str,
    quote: &str,
    settle: Option<&str>,
    expiry: Option<i64>,
    strike: Option<Decimal>,
    option_type: Option<&str>,
) -> Option<Symbol> {
    let mut text = format!("{base}/{quote}");
    if let Some(settle) = settle {
        text = format!("{text}:{settle}");
    }
    if let Some(expiry) = expiry {
        let date = iso8601(expiry)?;
        text = format!("{text}-{}{}{}", date.get(2..4)?, date.get(5..7)?, date.get(8..10)?);
    }
    if let Some(option_type) = option_type {
        text = format!("{text}-{}-{}", strike?, option_type.get(..1)?);
    }
    text.parse().ok()
}

fn precision(row: &Json<'_>) -> Precision {
    let lots = row.get("lotSizeFilter");
    Precision {
        amount: lots.first(&["qtyStep", "basePrecision"]).as_nonzero(),
        price: row.get("priceFilter").get("tickSize").as_nonzero(),
        ..Precision::default()
    }
}

fn limits(row: &Json<'_>, spot: bool) -> Limits {
    let (lots, prices, leverage) =
        (row.get("lotSizeFilter"), row.get("priceFilter"), row.get("leverageFilter"));
    Limits {
        leverage: MinMax {
            min: leverage.get("minLeverage").as_decimal().or(spot.then_some(Decimal::ONE)),
            max: leverage.get("maxLeverage").as_decimal(),
        },
        amount: MinMax {
            min: lots.get("minOrderQty").as_decimal(),
            max: lots.get("maxOrderQty").as_decimal(),
        },
        price: MinMax { min: prices.get("minPrice").as_decimal(), max: prices.get("maxPrice").as_decimal() },
        cost: MinMax {
            min: lots.first(&["minOrderAmt", "minNotionalValue"]).as_decimal(),
            max: lots.get("maxOrderAmt").as_decimal(),
        },
        market: MinMax { min: None, max: None },
    }
}
