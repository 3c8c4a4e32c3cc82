//! Binance's three books: spot, contracts settled in quote currency (USD-M), and in base currency (COIN-M).

use crate::model::{Market, MarketKind, SubType};
use crate::{AccountType, Context, Error, Request};

/// One of the books; each has its own host, paths, limits and error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Book {
    Spot,
    Linear,
    Inverse,
}

impl Book {
    /// Returns the book of a market.
    pub(super) fn of(market: &Market) -> Result<Self, Error> {
        match (market.kind, market.sub_type) {
            (MarketKind::Spot, _) => Ok(Self::Spot),
            (MarketKind::Option, _) => Err(Error::not_supported("options are not supported")),
            (_, Some(SubType::Inverse)) => Ok(Self::Inverse),
            _ => Ok(Self::Linear),
        }
    }

    /// Returns whether a market of this id belongs to the book.
    pub(super) fn has(self, market: &Market) -> bool {
        Self::of(market) == Ok(self)
    }

    /// Returns whether the book trades contracts.
    pub(super) fn is_contract(self) -> bool {
        self != Self::Spot
    }
}

/// What a request is about: its book, and its market where it names one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) book: Book,
    pub(super) market: Option<&'a Market>,
}

impl<'a> Target<'a> {
    /// Finds the target: by symbol, by scope, or the adapter's own book.
    pub(super) fn find(default: Book, request: &Request, context: &Context<'a>) -> Result<Self, Error> {
        if let Some(symbol) = request.call.symbol() {
            let market = context.markets.get(symbol)?;
            return Ok(Self { book: Book::of(market)?, market: Some(market) });
        }
        let contracts = |sub_type| match sub_type {
            Some(SubType::Inverse) => Book::Inverse,
            _ => Book::Linear,
        };
        let book = match request.scope.account {
            Some(AccountType::Swap | AccountType::Future) => contracts(request.scope.sub_type),
            Some(AccountType::Spot | AccountType::Margin | AccountType::Funding) => Book::Spot,
            Some(AccountType::Option) => return Err(Error::not_supported("options are not supported")),
            None if request.scope.sub_type.is_some() => contracts(request.scope.sub_type),
            None => default,
        };
        Ok(Self { book, market: None })
    }

    /// Returns the market, which this call cannot do without.
    pub(super) fn market(&self) -> Result<&'a Market, Error> {
        self.market.ok_or_else(|| Error::arguments_required("the call needs a symbol"))
    }
}
