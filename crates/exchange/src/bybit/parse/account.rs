//! Balances, fees, leverage.

use std::collections::BTreeMap;

use tradai_domain::Symbol;

use super::{Reader, first, list};
use crate::model::{
    Balance, Balances, Currency, FundingPayment, Leverage, LeverageTier, LeverageTiers, MarginMode,
    TradingFee,
};
use crate::{Decimal, Error, Json, Reply};

pub(super) fn currencies(result: &Json<'_>) -> Reply {
    let read = |row: &Json<'_>| {
        let id = row.get("coin").to_text()?;
        let any = |name: &str| {
            let chains = row.get("chains").items();
            Some(chains.iter().any(|chain| chain.get(name).as_str() == Some("1")))
        };
        let (deposit, withdraw) = (any("chainDeposit"), any("chainWithdraw"));
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
    Reply::Currencies(result.get("rows").items().iter().filter_map(read).collect())
}

/// Reads the wallets of every account type: unified, funding, and the older ones.
pub(super) fn balances(json: &Json<'_>) -> Reply {
    let result = json.get("result");
    let mut currencies = BTreeMap::new();
    let mut add = |row: &Json<'_>| {
        if let Some(code) = row.first(&["coin", "tokenId", "coinId"]).to_text() {
            currencies.insert(code, balance(row));
        }
    };
    for account in list(result) {
        account.get("coin").items().iter().for_each(&mut add);
    }
    for name in ["loanAccountList", "balance", "balances"] {
        result.get(name).items().iter().for_each(&mut add);
    }
    Reply::Balances(Balances { currencies, timestamp: json.get("time").as_millis() })
}

fn balance(row: &Json<'_>) -> Balance {
    let number = |names: &[&str]| row.first(names).as_decimal();
    let owed = number(&["loan", "borrowAmount"]);
    let interest = number(&["interest", "accruedInterest"]);
    let debt = owed.zip(interest).and_then(|(owed, interest)| owed.checked_add(interest));
    let total = number(&["total", "walletBalance"]);
    let mut free = number(&["free", "transferBalance", "availableToWithdraw"]);
    let mut used = number(&["locked"]);
    if row.has("totalPositionIM") || row.has("totalOrderIM") {
        let held: Option<Decimal> = ["totalPositionIM", "totalOrderIM", "locked"]
            .iter()
            .filter_map(|name| row.get(name).as_decimal())
            .try_fold(Decimal::ZERO, Decimal::checked_add);
        used = held;
        free = None;
    }
    if free.is_some() && total.is_some() && !row.has("free") {
        used = None;
    }
    Balance { free, used, total, debt }.completed()
}

impl Reader<'_> {
    pub(super) fn trading_fee(&self, result: &Json<'_>) -> Result<Reply, Error> {
        let row = first(result)?;
        Ok(Reply::TradingFee(TradingFee {
            symbol: self.symbol(row),
            maker: row.get("makerFeeRate").as_decimal(),
            taker: row.get("takerFeeRate").as_decimal(),
            percentage: None,
            tier_based: None,
        }))
    }

    pub(super) fn leverage(&self, result: &Json<'_>) -> Result<Reply, Error> {
        let row = first(result)?;
        let leverage = row.get("leverage").as_decimal();
        let isolated = row.get("tradeMode").as_i64().map(|mode| mode == 1);
        Ok(Reply::Leverage(Leverage {
            symbol: self.symbol(row),
            margin_mode: isolated
                .map(|isolated| if isolated { MarginMode::Isolated } else { MarginMode::Cross }),
            long_leverage: leverage,
            short_leverage: leverage,
        }))
    }

    /// Tiers name only where they end; each begins where the one before does.
    pub(super) fn leverage_tiers(&self, result: &Json<'_>, symbols: &[Symbol]) -> LeverageTiers {
        let mut tiers = LeverageTiers::new();
        for row in list(result) {
            let Some(market) = self.market(row) else { continue };
            if !symbols.is_empty() && !symbols.contains(&market.symbol) {
                continue;
            }
            let own: &mut Vec<LeverageTier> = tiers.entry(market.symbol.clone()).or_default();
            let floor = own.last().map_or(Some(Decimal::ZERO), |tier| tier.max_notional);
            own.push(LeverageTier {
                tier: row.get("id").as_i64(),
                symbol: Some(market.symbol.clone()),
                currency: market.settle.clone(),
                min_notional: floor,
                max_notional: row.get("riskLimitValue").as_decimal(),
                maintenance_margin_rate: row.get("maintenanceMargin").as_decimal(),
                max_leverage: row.get("maxLeverage").as_decimal(),
            });
        }
        tiers
    }

    pub(super) fn funding_history(&self, result: &Json<'_>) -> Reply {
        let read = |row: &Json<'_>| FundingPayment {
            id: row.get("execId").to_text(),
            symbol: self.symbol(row),
            code: self.market(row).and_then(|market| market.settle.clone()),
            amount: row.get("execFee").as_decimal().map(Decimal::negate),
            timestamp: row.get("execTime").as_millis(),
        };
        let mut payments: Vec<_> = list(result).iter().map(read).collect();
        payments.sort_by_key(|payment| payment.timestamp);
        Reply::FundingHistory(payments)
    }
}
