//! What changes something.

use tradai_domain::Symbol;

use crate::client::Client;
use crate::client::orders::Before;
use crate::model::{MarginMode, MarginModification, Order};
use crate::{Call, Decimal, Error, ErrorClass, OrderRef, OrderRequest, Reply, Request, Scope};

impl Client {
    /// Places an order and returns it. It needs a client order id, which the caller has stored before
    /// ([`crate::client::client_order_id`]); amounts are cut and prices rounded to the market's steps, then checked
    /// against its bounds.
    ///
    /// The order is never placed twice: a lost outcome is looked up by the id, and an id that this client has sent
    /// before is looked up first.
    ///
    /// # Errors
    /// As [`Client::call`]; [`Error::is_order_unknown`] when nobody could tell what became of it.
    pub async fn create_order(&self, order: &OrderRequest) -> Result<Order, Error> {
        self.place(order, Scope::default(), Before::Send).await
    }

    /// As [`Client::create_order`], for an order that an earlier process may have sent: it is looked for first, for
    /// as long as a lost one would be.
    ///
    /// # Errors
    /// As [`Client::create_order`].
    pub async fn resume_order(&self, order: &OrderRequest) -> Result<Order, Error> {
        self.place(order, Scope::default(), Before::Look).await
    }

    /// Places several orders at once and returns them. A lost outcome is looked into order by order; nothing is
    /// sent again.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn create_orders(&self, orders: &[OrderRequest]) -> Result<Vec<Order>, Error> {
        reply!(self.call(&Call::CreateOrders(orders.to_vec()).into()).await, Orders)
    }

    /// Changes an order and returns it. Sent once, never again.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn edit_order(&self, order: &OrderRef, change: &OrderRequest) -> Result<Order, Error> {
        reply!(
            self.call(&Call::EditOrder { order: order.clone(), change: change.clone() }.into()).await,
            Order
        )
        .map(|boxed| *boxed)
    }

    /// Cancels an order and returns it. When the outcome got lost it is looked up; one that had filled meanwhile
    /// comes back as closed.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn cancel_order(&self, order: &OrderRef) -> Result<Order, Error> {
        reply!(self.call(&Call::CancelOrder(order.clone()).into()).await, Order).map(|boxed| *boxed)
    }

    /// Cancels orders by the exchange's ids. Sent once.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn cancel_orders(&self, ids: &[String], symbol: &Symbol) -> Result<Vec<Order>, Error> {
        reply!(
            self.call(&Call::CancelOrders { ids: ids.to_vec(), symbol: Some(symbol.clone()) }.into()).await,
            Orders
        )
    }

    /// Cancels all orders of a market. Sent once: a second one might meet newer orders.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn cancel_all_orders(&self, symbol: &Symbol) -> Result<Vec<Order>, Error> {
        reply!(self.call(&Call::CancelAllOrders { symbol: Some(symbol.clone()) }.into()).await, Orders)
    }

    /// Adds margin to a position. Sent once.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn add_margin(&self, symbol: &Symbol, amount: Decimal) -> Result<MarginModification, Error> {
        reply!(
            self.call(&Call::AddMargin { symbol: symbol.clone(), amount }.into()).await,
            MarginModification
        )
    }

    /// Sets the leverage of a market. That it is so already is no error.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn set_leverage(&self, leverage: Decimal, symbol: &Symbol) -> Result<(), Error> {
        let call = Call::SetLeverage { leverage, symbol: Some(symbol.clone()) };
        unless_so_already(self.call(&call.into()).await)
    }

    /// Sets the margin mode of a market; OKX wants the leverage with it. That it is so already is no error.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn set_margin_mode(
        &self,
        mode: MarginMode,
        symbol: &Symbol,
        leverage: Option<Decimal>,
    ) -> Result<(), Error> {
        let call = Call::SetMarginMode { mode, symbol: Some(symbol.clone()), leverage };
        unless_so_already(self.call(&call.into()).await)
    }

    /// Sets whether longs and shorts are kept apart. That it is so already is no error.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn set_position_mode(&self, hedged: bool, symbol: Option<&Symbol>) -> Result<(), Error> {
        let call = Call::SetPositionMode { hedged, symbol: symbol.cloned() };
        unless_so_already(self.call(&call.into()).await)
    }

    /// Asks for another book than the call's own: another wallet, or conditional orders in place of plain ones.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn scoped(&self, call: Call, scope: Scope) -> Result<Reply, Error> {
        self.call(&Request { call, scope }).await
    }
}

/// Bybit says "leverage not modified" by a code that CCXT has for a bad request; Binance "No need to change" by one.
fn unless_so_already(reply: Result<Reply, Error>) -> Result<(), Error> {
    match reply {
        Ok(_) => Ok(()),
        Err(error) if error.class.is(ErrorClass::NoChange) => Ok(()),
        Err(error) if matches!(error.code.as_deref(), Some("110043" | "-4046" | "-4059")) => Ok(()),
        Err(error) => Err(error),
    }
}
