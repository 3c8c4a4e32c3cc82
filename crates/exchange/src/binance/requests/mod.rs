//! Calls to requests.

mod account;
mod market_data;
mod orders;

pub(super) use market_data::MAX_CANDLES;
pub(super) use orders::client_id;

use super::book::{Book, Target};
use super::{endpoints, sign};
use crate::base::Query;
use crate::{Call, Context, Endpoint, Error, HttpRequest, Request};

/// An endpoint and its parameters, before signing.
type Draft = (&'static Endpoint, Query);

/// Builds the request of a call.
pub(super) fn build(default: Book, request: &Request, context: &Context<'_>) -> Result<HttpRequest, Error> {
    let target = Target::find(default, request, context)?;
    let (endpoint, query) = draft(request, &target, context)?;
    let weight = sign::weight_of(request, &target, endpoint);
    sign::write(endpoint, &query, weight, context)
}

fn draft(request: &Request, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    match &request.call {
        Call::FetchTime
        | Call::FetchStatus
        | Call::FetchMarkets
        | Call::FetchTicker { .. }
        | Call::FetchTickers { .. }
        | Call::FetchBidsAsks { .. }
        | Call::FetchOrderBook { .. }
        | Call::FetchTrades { .. }
        | Call::FetchOhlcv { .. }
        | Call::FetchFundingRate { .. }
        | Call::FetchFundingRates { .. }
        | Call::FetchFundingRateHistory { .. }
        | Call::FetchOpenInterest { .. } => market_data::draft(&request.call, target, context),
        Call::FetchOrder(_)
        | Call::FetchOrders { .. }
        | Call::FetchOpenOrders { .. }
        | Call::FetchClosedOrders { .. }
        | Call::CreateOrder(_)
        | Call::CreateOrders(_)
        | Call::EditOrder { .. }
        | Call::CancelOrder(_)
        | Call::CancelOrders { .. }
        | Call::CancelAllOrders { .. } => orders::draft(request, target, context),
        _ => account::draft(request, target),
    }
}

/// Returns a query that starts with the market.
fn of_market(target: &Target<'_>) -> Result<Query, Error> {
    let mut query = Query::new();
    query.set("symbol", &target.market()?.id);
    Ok(query)
}

/// Returns an endpoint that takes no parameters.
fn bare(book: Book, name: &str) -> Result<Draft, Error> {
    Ok((endpoints::find(book, name)?, Query::new()))
}
