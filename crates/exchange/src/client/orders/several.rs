//! Several orders in one request.

use super::same_order;
use super::search::{Found, Last, Loose, Search};
use crate::client::Client;
use crate::client::order_ids::{Known, Placing};
use crate::client::round::{Failure, Fate};
use crate::model::Order;
use crate::{Call, Error, ErrorClass, OrderRef, OrderRequest, Reply, Request, Scope, prepare_order};

impl Client {
    /// Places several orders at once. A lost outcome is looked into order by order; nothing is sent again.
    pub(in crate::client) async fn place_several(
        &self,
        orders: &[OrderRequest],
        scope: Scope,
    ) -> Result<Vec<Order>, Error> {
        let (mut prepared, mut searches) = (Vec::new(), Vec::new());
        for order in orders {
            let markets = self.markets_with(&order.symbol).await?;
            let market = markets.get(&order.symbol)?;
            let order = prepare_order(market, order)?;
            searches.push(self.search_for(market, &order, &self.client_id(&order)?));
            prepared.push(order);
        }
        let marks = self.mark_several(&searches)?;
        let request = Request { call: Call::CreateOrders(prepared.clone()), scope };
        match self.change_once(&request).await {
            Ok(Reply::Orders(placed)) => {
                // Which of them were refused, replies do not always say: those are looked for when they come again.
                let is_there = |mark: &Placing| placed.iter().any(|order| mark.is_of(order));
                marks.into_iter().filter(is_there).for_each(Placing::placed);
                Ok(placed)
            }
            Ok(_) => Err(Error::bad_response("the reply holds no orders")),
            Err(failure) if failure.fate == Fate::Unknown => {
                let found = self.find_several(&prepared, &searches, failure).await?;
                marks.into_iter().for_each(Placing::placed);
                Ok(found)
            }
            // One of them was there before; which one, is looked for when it comes again.
            Err(failure) if self.0.adapter.is_duplicate_order(&failure.error) => Err(failure.error),
            Err(failure) => {
                marks.into_iter().for_each(Placing::not_placed);
                Err(failure.error)
            }
        }
    }

    /// Marks orders as being placed, all of them or none.
    fn mark_several(&self, searches: &[Search]) -> Result<Vec<Placing>, Error> {
        let mut marks = Vec::with_capacity(searches.len());
        for OrderRef { client_order_id, symbol, .. } in searches.iter().map(|search| &search.named) {
            let (Some(id), Some(symbol)) = (client_order_id, symbol) else { continue };
            let refused = match Placing::begin(self, symbol, id) {
                Ok((mark, Known::New)) => {
                    marks.push(mark);
                    continue;
                }
                Ok((mark, known)) => {
                    mark.back_to(known);
                    let text = format!("order {id} of {symbol} was sent before; place it alone");
                    Error::new(ErrorClass::DuplicateOrderId, text)
                }
                Err(error) => error,
            };
            marks.into_iter().for_each(Placing::not_placed);
            return Err(refused);
        }
        Ok(marks)
    }

    async fn find_several(
        &self,
        orders: &[OrderRequest],
        searches: &[Search],
        failure: Failure,
    ) -> Result<Vec<Order>, Error> {
        let lost = Loose { error: failure.error, expires: failure.expires, last: Last::Unclear };
        let mut found = Vec::with_capacity(orders.len());
        for (order, search) in orders.iter().zip(searches) {
            let id = search.named.client_order_id.as_deref().unwrap_or_default();
            match self.search(search, &lost).await {
                Found::Order(one) => found.push(same_order(*one, order, id)?),
                Found::Nothing | Found::Undecided => {
                    return Err(lost.error.with_unresolved(search.named.clone()));
                }
            }
        }
        Ok(found)
    }
}
