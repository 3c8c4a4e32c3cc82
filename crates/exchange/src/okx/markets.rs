//! `instruments` of every kind.

use tradai_domain::Symbol;

use crate::base::iso8601;
use crate::model::{Limits, MarginModes, Market, MarketKind, MinMax, OptionType, Precision, SubType};
use crate::{Decimal, Error, Json};

/// Reads one list; what makes no sense is left out.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Market>, Error> {
    let json = Json::parse(body)?;
    let rows = json.get("data");
    if !matches!(rows, Json::List(_)) {
        return Err(Error::bad_response("the list of markets has no `data`"));
    }
    Ok(rows.items().iter().filter_map(market).collect())
}

fn market(row: &Json<'_>) -> Option<Market> {
    let id = row.get("instId").to_text()?;
    let kind = match row.get("instType").as_str()? {
        "SPOT" => MarketKind::Spot,
        "SWAP" => MarketKind::Swap,
        "FUTURES" => MarketKind::Future,
        "OPTION" => MarketKind::Option,
        _ => return None,
    };
    let spot = kind == MarketKind::Spot;
    let (base, quote) = if spot {
        (row.get("baseCcy").to_text()?, row.get("quoteCcy").to_text()?)
    } else {
        let (base, quote) = row.get("uly").as_str()?.split_once('-')?;
        (base.to_owned(), quote.to_owned())
    };
    let settle = row.get("settleCcy").to_text().filter(|_| !spot);
    let expiry =
        row.get("expTime").as_millis().filter(|_| matches!(kind, MarketKind::Future | MarketKind::Option));
    let option_type = row.get("optType").as_str().filter(|_| kind == MarketKind::Option);
    let strike = row.get("stk").as_decimal().filter(|_| option_type.is_some());
    let inverse = settle.as_deref() == Some(base.as_str());
    let (taker, maker) = if spot || kind == MarketKind::Option { (15, 10) } else { (5, 2) };
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
        active: Some(row.get("state").as_str() == Some("live")),
        margin: Some(spot && row.get("lever").as_decimal().is_some_and(|lever| lever > Decimal::ONE)),
        sub_type: (!spot).then_some(if inverse { SubType::Inverse } else { SubType::Linear }),
        taker: Decimal::new(taker, 4),
        maker: Decimal::new(maker, 4),
        contract_size: contract_size(row).filter(|_| !spot),
        expiry,
        strike,
        option_type: option_type.map(|word| if word == "P" { OptionType::Put } else { OptionType::Call }),
        precision: Precision {
            amount: row.get("lotSz").as_nonzero(),
            price: row.get("tickSz").as_nonzero(),
            ..Precision::default()
        },
        limits: limits(row, spot),
        margin_modes: MarginModes::default(),
        created: row.get("listTime").as_millis(),
        tier_based: None,
        percentage: None,
        fee_side: None,
        order_types: Vec::new(),
        funding_interval_minutes: None,
        id,
    })
}

/// Options multiply once more, which CCXT leaves out; futures and swaps have a multiplier of one.
fn contract_size(row: &Json<'_>) -> Option<Decimal> {
    let value = row.get("ctVal").as_decimal()?;
    let multiplier =
        if row.get("instType").as_str() == Some("OPTION") { None } else { row.get("ctMult").as_nonzero() };
    multiplier.map_or(Some(value), |multiplier| value.checked_mul(multiplier))
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
        text = format!("{text}-{}-{option_type}", strike?);
    }
    text.parse().ok()
}

fn limits(row: &Json<'_>, spot: bool) -> Limits {
    let most = row.get("lever").as_decimal().map(|lever| lever.max(Decimal::ONE));
    Limits {
        leverage: MinMax { min: Some(Decimal::ONE), max: Some(most.unwrap_or(Decimal::ONE)) },
        amount: MinMax { min: row.get("minSz").as_decimal(), max: row.get("maxLmtSz").as_decimal() },
        price: MinMax::default(),
        cost: MinMax { min: None, max: row.get("maxMktAmt").as_decimal().filter(|_| spot) },
        market: MinMax::default(),
    }
}
