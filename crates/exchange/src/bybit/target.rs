//! What a call is about: the category, and the market where it names one.

use crate::model::{Market, MarketKind, SubType};
use crate::{AccountType, Context, Error, Request};

#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// Bybit's word for the product.
    pub(super) category: &'static str,
    pub(super) market: Option<&'a Market>,
}

/// Returns Bybit's word for a market's product.
pub(super) fn category(market: &Market) -> &'static str {
    match (market.kind, market.sub_type) {
        (MarketKind::Spot, _) => "spot",
        (MarketKind::Option, _) => "option",
        (_, Some(SubType::Inverse)) => "inverse",
        _ => "linear",
    }
}

impl<'a> Target<'a> {
    /// Finds the target: by symbol, by scope, or linear contracts.
    pub(super) fn find(request: &Request, context: &Context<'a>) -> Result<Self, Error> {
        if let Some(symbol) = request.call.symbol() {
            let market = context.markets.get(symbol)?;
            return Ok(Self { category: category(market), market: Some(market) });
        }
        let category = match (request.scope.account, request.scope.sub_type) {
            (Some(AccountType::Spot | AccountType::Margin), _) => "spot",
            (Some(AccountType::Option), _) => "option",
            (_, Some(SubType::Inverse)) => "inverse",
            _ => "linear",
        };
        Ok(Self { category, market: None })
    }

    /// Returns the market, which this call cannot do without.
    pub(super) fn market(&self) -> Result<&'a Market, Error> {
        self.market.ok_or_else(|| Error::arguments_required("the call needs a symbol"))
    }

    pub(super) fn is_spot(&self) -> bool {
        self.category == "spot"
    }
}
