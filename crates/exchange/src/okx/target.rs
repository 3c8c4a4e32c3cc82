//! What a call is about: the kind of instrument, and the market where it names one.

use crate::model::{Market, MarketKind};
use crate::{AccountType, Context, Error, Request};

#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// OKX's word for the kind of instrument.
    pub(super) kind: &'static str,
    pub(super) market: Option<&'a Market>,
}

/// Returns OKX's word for a market's kind.
pub(super) fn kind(market: &Market) -> &'static str {
    match market.kind {
        MarketKind::Spot => "SPOT",
        MarketKind::Swap => "SWAP",
        MarketKind::Future => "FUTURES",
        MarketKind::Option => "OPTION",
    }
}

/// Returns the pair under a contract: `BTC-USDT` of `BTC-USDT-SWAP`.
pub(super) fn family(market: &Market) -> String {
    format!("{}-{}", market.base_id, market.quote_id)
}

impl<'a> Target<'a> {
    /// Finds the target: by symbol, by scope, or the adapter's own kind.
    pub(super) fn find(
        default: &'static str,
        request: &Request,
        context: &Context<'a>,
    ) -> Result<Self, Error> {
        if let Some(symbol) = request.call.symbol() {
            let market = context.markets.get(symbol)?;
            return Ok(Self { kind: kind(market), market: Some(market) });
        }
        let kind = match request.scope.account {
            Some(AccountType::Spot) => "SPOT",
            Some(AccountType::Margin) => "MARGIN",
            Some(AccountType::Swap) => "SWAP",
            Some(AccountType::Future) => "FUTURES",
            Some(AccountType::Option) => "OPTION",
            Some(AccountType::Funding) | None => default,
        };
        Ok(Self { kind, market: None })
    }

    /// Returns the market, which this call cannot do without.
    pub(super) fn market(&self) -> Result<&'a Market, Error> {
        self.market.ok_or_else(|| Error::arguments_required("the call needs a symbol"))
    }
}
