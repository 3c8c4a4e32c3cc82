//! Balances, fees, leverage, funding payments.

use std::collections::BTreeMap;

use tradai_domain::Symbol;

use super::super::book::Book;
use super::{Reader, rows};
use crate::model::{
    Balance, Balances, Currency, FundingPayment, Leverage, LeverageTier, LeverageTiers, MarginMode,
    MarginModification, PositionMode, TradingFee,
};
use crate::{Decimal, Error, Json, Reply};

pub(super) fn currencies(json: &Json<'_>) -> Reply {
    let read = |row: &Json<'_>| {
        let id = row.get("coin").to_text()?;
        let (deposit, withdraw) =
            (row.get("depositAllEnable").as_bool(), row.get("withdrawAllEnable").as_bool());
        let currency = Currency {
            code: id.clone(),
            name: row.get("name").to_text(),
            active: deposit.zip(withdraw).map(|(deposit, withdraw)| deposit && withdraw),
            deposit,
            withdraw,
            precision: None,
            id: id.clone(),
        };
        Some((id, currency))
    };
    Reply::Currencies(rows(json).iter().filter_map(read).collect())
}

/// Reads the wallets of every book: spot, margin, funding and contracts answer in shapes of their own.
pub(super) fn balances(json: &Json<'_>) -> Reply {
    let mut currencies = BTreeMap::new();
    for row in wallet_rows(json) {
        if let Some(code) = row.get("asset").to_text() {
            currencies.insert(code, balance(row));
        }
    }
    for pair in json.get("assets").items() {
        for side in ["baseAsset", "quoteAsset"] {
            add_isolated(&mut currencies, pair.get(side));
        }
    }
    let timestamp = json.get("updateTime").as_millis().filter(|_| json.has("balances"));
    Reply::Balances(Balances { currencies, timestamp })
}

fn wallet_rows<'a, 'b>(json: &'a Json<'b>) -> &'a [Json<'b>] {
    for name in ["balances", "userAssets", "assets"] {
        if json.has(name) {
            return json.get(name).items();
        }
    }
    json.items()
}

fn balance(row: &Json<'_>) -> Balance {
    let number = |name: &str| row.get(name).as_decimal();
    if row.has("initialMargin") {
        return Balance {
            free: number("availableBalance"),
            used: number("initialMargin"),
            total: number("marginBalance"),
            debt: None,
        };
    }
    if row.has("crossWalletBalance") {
        let (free, total) = (number("availableBalance"), number("balance"));
        return Balance { free, total, ..Balance::default() }.completed();
    }
    let held = ["locked", "freeze", "withdrawing"].iter().filter_map(|name| number(name));
    let owed = number("borrowed")
        .zip(number("interest"))
        .and_then(|(borrowed, interest)| borrowed.checked_add(interest));
    Balance {
        free: number("free"),
        used: held.clone().next().and_then(|_| held.clone().try_fold(Decimal::ZERO, Decimal::checked_add)),
        total: None,
        debt: owed.filter(|debt| debt.is_positive()),
    }
    .completed()
}

/// The wallets of isolated pairs: one currency may be in many.
fn add_isolated(currencies: &mut BTreeMap<String, Balance>, row: &Json<'_>) {
    let Some(code) = row.get("asset").to_text() else { return };
    let one = balance(row);
    let sum = |a: Option<Decimal>, b: Option<Decimal>| match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b),
        (a, b) => a.or(b),
    };
    let known = currencies.entry(code).or_default();
    known.free = sum(known.free, one.free);
    known.used = sum(known.used, one.used);
    known.total = sum(known.total, one.total);
    known.debt = sum(known.debt, one.debt);
}

pub(super) fn position_mode(json: &Json<'_>) -> Result<Reply, Error> {
    let hedged = json.get("dualSidePosition").as_bool();
    let hedged = hedged.ok_or_else(|| Error::bad_response("the reply tells no position mode"))?;
    Ok(Reply::PositionMode(PositionMode { hedged }))
}

fn margin_mode(row: &Json<'_>) -> Option<MarginMode> {
    match row.get("marginType").as_str()?.to_ascii_lowercase().as_str() {
        "cross" | "crossed" => Some(MarginMode::Cross),
        "isolated" => Some(MarginMode::Isolated),
        _ => None,
    }
}

impl Reader<'_> {
    pub(super) fn trading_fee(&self, json: &Json<'_>) -> Reply {
        let row = rows(json).first().unwrap_or(json);
        Reply::TradingFee(TradingFee {
            symbol: self.market(row).map(|market| market.symbol.clone()),
            maker: row.first(&["makerCommissionRate", "makerCommission"]).as_decimal(),
            taker: row.first(&["takerCommissionRate", "takerCommission"]).as_decimal(),
            percentage: None,
            tier_based: None,
        })
    }

    pub(super) fn leverage(&self, json: &Json<'_>) -> Reply {
        let list = if json.has("positions") { json.get("positions") } else { json };
        let wanted = self.target.market;
        let found = rows(list).iter().find(|row| {
            let market = self.market(row);
            market.is_some() && market.map(|market| &market.symbol) == wanted.map(|market| &market.symbol)
        });
        let row = found.unwrap_or(json);
        let isolated = row.get("isolated").as_bool();
        let leverage = row.get("leverage").as_decimal();
        Reply::Leverage(Leverage {
            symbol: wanted.map(|market| market.symbol.clone()),
            margin_mode: margin_mode(row)
                .or(isolated.map(|isolated| if isolated { MarginMode::Isolated } else { MarginMode::Cross })),
            long_leverage: leverage,
            short_leverage: leverage,
        })
    }

    pub(super) fn leverage_tiers(&self, json: &Json<'_>, symbols: &[Symbol]) -> LeverageTiers {
        let mut tiers = LeverageTiers::new();
        for row in rows(json) {
            let Some(market) = self.market(row) else { continue };
            if !symbols.is_empty() && !symbols.contains(&market.symbol) {
                continue;
            }
            let read = |bracket: &Json<'_>| LeverageTier {
                tier: bracket.get("bracket").as_i64(),
                symbol: Some(market.symbol.clone()),
                currency: Some(market.quote.clone()),
                min_notional: bracket.first(&["notionalFloor", "qtyFloor"]).as_decimal(),
                max_notional: bracket.first(&["notionalCap", "qtyCap"]).as_decimal(),
                maintenance_margin_rate: bracket.get("maintMarginRatio").as_decimal(),
                max_leverage: bracket.get("initialLeverage").as_decimal(),
            };
            tiers.insert(market.symbol.clone(), row.get("brackets").items().iter().map(read).collect());
        }
        tiers
    }

    pub(super) fn funding_history(&self, json: &Json<'_>) -> Reply {
        let read = |row: &Json<'_>| FundingPayment {
            id: row.get("tranId").to_text(),
            symbol: self.market(row).map(|market| market.symbol.clone()),
            code: row.get("asset").to_text(),
            amount: row.get("income").as_decimal(),
            timestamp: row.get("time").as_millis(),
        };
        let mut payments: Vec<_> = rows(json).iter().map(read).collect();
        payments.sort_by_key(|payment| payment.timestamp);
        Reply::FundingHistory(payments)
    }

    pub(super) fn margin_modification(&self, json: &Json<'_>) -> Reply {
        let market = self.target.market;
        let added = json.get("type").as_str() == Some("1");
        let settled = |market: &crate::model::Market| {
            if self.target.book == Book::Inverse { market.base.clone() } else { market.quote.clone() }
        };
        let ok = json.get("code").as_str() == Some("200");
        Reply::MarginModification(MarginModification {
            symbol: market.map(|market| market.symbol.clone()),
            kind: Some(if added { "add" } else { "reduce" }.to_owned()),
            amount: json.get("amount").as_decimal(),
            code: market.map(settled),
            status: Some(if ok { "ok" } else { "failed" }.to_owned()),
        })
    }
}
