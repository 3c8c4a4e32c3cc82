//! Balances, fees, leverage.

use std::collections::BTreeMap;

use super::Reader;
use crate::model::{
    Balance, Balances, Currency, FundingPayment, Leverage, LeverageTier, MarginMode, MarginModification,
    TradingFee,
};
use crate::{Decimal, Json, Reply};

/// Currencies come once per chain.
pub(super) fn currencies(data: &Json<'_>) -> Reply {
    let mut currencies: BTreeMap<String, Currency> = BTreeMap::new();
    for row in data.items() {
        let Some(id) = row.get("ccy").to_text() else { continue };
        let (deposit, withdraw) = (row.get("canDep").as_bool(), row.get("canWd").as_bool());
        let currency = currencies.entry(id.clone()).or_insert_with(|| Currency {
            id: id.clone(),
            code: id,
            name: row.get("name").to_text(),
            active: None,
            deposit: Some(false),
            withdraw: Some(false),
            precision: None,
        });
        currency.deposit = Some(currency.deposit == Some(true) || deposit == Some(true));
        currency.withdraw = Some(currency.withdraw == Some(true) || withdraw == Some(true));
        currency.active = Some(currency.deposit == Some(true) && currency.withdraw == Some(true));
    }
    Reply::Currencies(currencies)
}

/// The trading account has `details`; the funding account is a list of currencies.
pub(super) fn balances(data: &Json<'_>) -> Reply {
    let mut currencies = BTreeMap::new();
    let mut add = |row: &Json<'_>, balance: Balance| {
        if let Some(code) = row.get("ccy").to_text() {
            currencies.insert(code, balance.completed());
        }
    };
    let account = data.at(0);
    if !account.has("details") {
        for row in data.items() {
            let number = |name: &str| row.get(name).as_decimal();
            add(
                row,
                Balance {
                    free: number("availBal"),
                    used: number("frozenBal"),
                    total: number("bal"),
                    debt: None,
                },
            );
        }
        return Reply::Balances(Balances { currencies, timestamp: None });
    }
    for row in account.get("details").items() {
        let number = |name: &str| row.get(name).as_decimal();
        let equity = number("eq");
        let available = number("availEq");
        let balance = match (equity, available) {
            (Some(total), Some(free)) => {
                Balance { free: Some(free), used: None, total: Some(total), debt: None }
            }
            _ => Balance { free: number("availBal"), used: number("frozenBal"), total: equity, debt: None },
        };
        add(row, balance);
    }
    Reply::Balances(Balances { currencies, timestamp: account.get("uTime").as_millis() })
}

impl Reader<'_> {
    /// Fees are negative, rebates positive; contracts have columns of their own.
    pub(super) fn trading_fee(&self, row: &Json<'_>) -> Reply {
        let market = self.target.market;
        let contract = market.is_some_and(|market| market.is_contract() && !market.is_inverse());
        let (maker, taker) = if contract { ("makerU", "takerU") } else { ("maker", "taker") };
        let fee = |name: &str| row.get(name).as_decimal().map(Decimal::negate);
        Reply::TradingFee(TradingFee {
            symbol: market.map(|market| market.symbol.clone()),
            maker: fee(maker),
            taker: fee(taker),
            percentage: None,
            tier_based: None,
        })
    }

    pub(super) fn leverage(&self, data: &Json<'_>) -> Reply {
        let mut leverage = Leverage {
            symbol: self.target.market.map(|market| market.symbol.clone()),
            margin_mode: data.at(0).get("mgnMode").as_str().and_then(MarginMode::parse),
            long_leverage: None,
            short_leverage: None,
        };
        for row in data.items() {
            let lever = row.get("lever").as_decimal();
            match row.get("posSide").as_str() {
                Some("long") => leverage.long_leverage = lever,
                Some("short") => leverage.short_leverage = lever,
                _ => (leverage.long_leverage, leverage.short_leverage) = (lever, lever),
            }
        }
        Reply::Leverage(leverage)
    }

    pub(super) fn leverage_tiers(&self, data: &Json<'_>) -> Vec<LeverageTier> {
        let market = self.target.market;
        let currency =
            market.map(|market| if market.is_spot() { market.quote.clone() } else { market.base.clone() });
        let read = |row: &Json<'_>| LeverageTier {
            tier: row.get("tier").as_i64(),
            symbol: market.map(|market| market.symbol.clone()),
            currency: currency.clone(),
            min_notional: row.get("minSz").as_decimal(),
            max_notional: row.get("maxSz").as_decimal(),
            maintenance_margin_rate: row.get("mmr").as_decimal(),
            max_leverage: row.get("maxLever").as_decimal(),
        };
        data.items().iter().map(read).collect()
    }

    pub(super) fn funding_history(&self, data: &Json<'_>) -> Reply {
        let read = |row: &Json<'_>| FundingPayment {
            id: row.get("billId").to_text(),
            symbol: self.symbol(row),
            code: row.get("ccy").to_text(),
            amount: row.get("balChg").as_decimal(),
            timestamp: row.get("ts").as_millis(),
        };
        let mut payments: Vec<_> = data.items().iter().map(read).collect();
        payments.sort_by_key(|payment| payment.timestamp);
        Reply::FundingHistory(payments)
    }

    pub(super) fn margin_modification(&self, row: &Json<'_>) -> Reply {
        Reply::MarginModification(MarginModification {
            symbol: self.symbol(row),
            kind: row.get("type").to_text(),
            amount: row.get("amt").as_decimal(),
            code: self.target.market.and_then(|market| market.settle.clone()),
            status: Some("ok".to_owned()),
        })
    }
}
