//! Requests about the account: balances, positions, leverage, own trades.

use super::super::book::{Book, Target};
use super::super::endpoints::find;
use super::{Draft, bare, of_market};
use crate::base::Query;
use crate::model::MarginMode;
use crate::{AccountType, Call, Decimal, Error, ErrorClass, Page, Request};

/// The largest leverage of any market.
const MAX_LEVERAGE: i64 = 125;

pub(super) fn draft(request: &Request, target: &Target<'_>) -> Result<Draft, Error> {
    let book = target.book;
    match &request.call {
        Call::FetchCurrencies => bare(Book::Spot, "currencies"),
        Call::FetchBalance => balance(request, book),
        Call::FetchTradingFee { .. } => Ok((find(book, "tradingFee")?, of_market(target)?)),
        Call::FetchPositions { .. } => bare(contract(book), "positions"),
        Call::FetchPosition { .. } => {
            Err(Error::not_supported("fetchPosition is for options; ask for positions"))
        }
        Call::FetchPositionMode { .. } => bare(contract(book), "positionMode"),
        Call::FetchLeverage { .. } => bare(book, "leverage"),
        Call::FetchLeverageTiers { .. } => bare(contract(book), "leverageTiers"),
        Call::FetchMarketLeverageTiers { .. } => bare(book, "leverageTiers"),
        Call::FetchFundingHistory { page, .. } => income(Some("FUNDING_FEE"), page, target, contract(book)),
        Call::FetchLedger { page, .. } if book.is_contract() => income(None, page, target, book),
        Call::FetchLedger { .. } => Err(Error::not_supported("only contract wallets have a ledger")),
        Call::FetchMyTrades { page, .. } => {
            let mut query = of_market(target)?;
            query.set_some("startTime", page.since);
            query.set_some("endTime", page.until);
            query.set_some("limit", page.limit);
            Ok((find(book, "myTrades")?, query))
        }
        Call::SetLeverage { leverage, .. } => set_leverage(*leverage, target),
        Call::SetMarginMode { mode, .. } => {
            let mut query = of_market(target)?;
            let cross = *mode == MarginMode::Cross;
            query.set("marginType", if cross { "CROSSED" } else { "ISOLATED" });
            Ok((find(book, "setMarginMode")?, query))
        }
        Call::SetPositionMode { hedged, .. } => {
            let mut query = Query::new();
            query.set("dualSidePosition", hedged);
            Ok((find(contract(book), "setPositionMode")?, query))
        }
        Call::AddMargin { amount, .. } => {
            let mut query = Query::new();
            query.set("type", 1);
            query.set("symbol", &target.market()?.id);
            query.set("amount", amount);
            Ok((find(book, "addMargin")?, query))
        }
        other => Err(Error::not_supported(other.method())),
    }
}

/// Calls that only contracts have, asked of the spot adapter without a symbol, mean the linear book.
fn contract(book: Book) -> Book {
    if book.is_contract() { book } else { Book::Linear }
}

fn balance(request: &Request, book: Book) -> Result<Draft, Error> {
    let scope = &request.scope;
    let name = match (scope.account, scope.margin_mode) {
        (Some(AccountType::Funding), _) => "fundingAccount",
        (_, Some(MarginMode::Isolated)) if book == Book::Spot => "isolatedAccount",
        (Some(AccountType::Margin), _) => "marginAccount",
        (_, Some(MarginMode::Cross)) if book == Book::Spot => "marginAccount",
        _ => "account",
    };
    bare(book, name)
}

fn income(kind: Option<&str>, page: &Page, target: &Target<'_>, book: Book) -> Result<Draft, Error> {
    let mut query = Query::new();
    query.set_some("incomeType", kind);
    query.set_some("symbol", target.market.map(|market| &market.id));
    query.set_some("startTime", page.since);
    query.set_some("endTime", page.until);
    query.set_some("limit", page.limit);
    Ok((find(book, "income")?, query))
}

fn set_leverage(leverage: Decimal, target: &Target<'_>) -> Result<Draft, Error> {
    let allowed = leverage.scale() == 0 && (1..=MAX_LEVERAGE).contains(&leverage.to_i64().unwrap_or(0));
    if !allowed {
        let message = format!("leverage {leverage} is not a whole number from 1 to {MAX_LEVERAGE}");
        return Err(Error::new(ErrorClass::BadRequest, message));
    }
    let mut query = of_market(target)?;
    query.set("leverage", leverage);
    Ok((find(target.book, "setLeverage")?, query))
}
