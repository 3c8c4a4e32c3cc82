//! Arguments of CCXT's methods to our calls.

use tradai_domain::Symbol;
use tradai_exchange::model::{MarginMode, OrderType, Side, SubType, TimeInForce};
use tradai_exchange::{
    AccountType, Attached, Call, Decimal, Error, ErrorClass, Json, OrderRef, OrderRequest, Page, PriceKind,
    Request, Scope, TriggerDirection,
};

/// Positional arguments; the last is a map of further ones.
struct Arguments<'a> {
    list: &'a [Json<'a>],
    params: &'a Json<'a>,
}

const NONE: &Json<'static> = &Json::Null;

/// Builds the call of a method; refuses what CCXT's types would refuse.
pub(crate) fn request(method: &str, input: &Json<'_>) -> Result<Request, Error> {
    let list = input.items();
    let params = list.last().filter(|last| matches!(last, Json::Map(_))).unwrap_or(NONE);
    let arguments = Arguments { list, params };
    Ok(Request { call: call(method, &arguments)?, scope: scope(params) })
}

fn call(method: &str, a: &Arguments<'_>) -> Result<Call, Error> {
    Ok(match method {
        "fetchTime" => Call::FetchTime,
        "fetchStatus" => Call::FetchStatus,
        "fetchCurrencies" => Call::FetchCurrencies,
        "fetchTicker" => Call::FetchTicker { symbol: a.symbol(0)? },
        "fetchTickers" => Call::FetchTickers { symbols: a.symbols(0)? },
        "fetchBidsAsks" => Call::FetchBidsAsks { symbols: a.symbols(0)? },
        "fetchOrderBook" => Call::FetchOrderBook { symbol: a.symbol(0)?, limit: a.limit(1) },
        "fetchTrades" => Call::FetchTrades { symbol: a.symbol(0)?, page: a.page(1) },
        "fetchOHLCV" => Call::FetchOhlcv {
            symbol: a.symbol(0)?,
            timeframe: a.at(1).as_str().unwrap_or("1m").to_owned(),
            page: a.page(2),
            price: match a.params.get("price").as_str() {
                Some("mark") => PriceKind::Mark,
                Some("index") => PriceKind::Index,
                _ => PriceKind::Last,
            },
        },
        "fetchFundingRate" => Call::FetchFundingRate { symbol: a.symbol(0)? },
        "fetchFundingRates" => Call::FetchFundingRates { symbols: a.symbols(0)? },
        "fetchFundingRateHistory" => {
            Call::FetchFundingRateHistory { symbol: a.find_symbol(0)?, page: a.page(1) }
        }
        "fetchOpenInterest" => Call::FetchOpenInterest { symbol: a.symbol(0)? },
        "fetchBalance" => Call::FetchBalance,
        "fetchTradingFee" => Call::FetchTradingFee { symbol: a.symbol(0)? },
        "fetchPositions" => Call::FetchPositions { symbols: a.symbols(0)? },
        "fetchPosition" => Call::FetchPosition { symbol: a.symbol(0)? },
        "fetchPositionMode" => Call::FetchPositionMode { symbol: a.find_symbol(0)? },
        "fetchLeverage" => Call::FetchLeverage { symbol: a.symbol(0)? },
        "fetchLeverageTiers" => Call::FetchLeverageTiers { symbols: a.symbols(0)? },
        "fetchMarketLeverageTiers" => Call::FetchMarketLeverageTiers { symbol: a.symbol(0)? },
        "fetchFundingHistory" => Call::FetchFundingHistory { symbol: a.find_symbol(0)?, page: a.page(1) },
        "fetchLedger" => Call::FetchLedger { code: a.at(0).to_text(), page: a.page(1) },
        "fetchMyTrades" => Call::FetchMyTrades { symbol: a.find_symbol(0)?, page: a.page(1) },
        "fetchOrder" => Call::FetchOrder(a.order_ref()?),
        "fetchOrders" => Call::FetchOrders { symbol: a.find_symbol(0)?, page: a.page(1) },
        "fetchOpenOrders" => Call::FetchOpenOrders { symbol: a.find_symbol(0)?, page: a.page(1) },
        "fetchClosedOrders" => Call::FetchClosedOrders { symbol: a.find_symbol(0)?, page: a.page(1) },
        "createOrder" => Call::CreateOrder(a.order(0)?),
        "createOrders" => {
            Call::CreateOrders(a.at(0).items().iter().map(listed_order).collect::<Result<_, _>>()?)
        }
        "createMarketBuyOrderWithCost" => Call::CreateOrder(with_cost(a.symbol(0)?, Side::Buy, a.at(1))),
        "createMarketOrderWithCost" => Call::CreateOrder(with_cost(a.symbol(0)?, side(a.at(1))?, a.at(2))),
        "editOrder" => Call::EditOrder {
            order: OrderRef { id: a.at(0).to_text(), client_order_id: None, symbol: a.find_symbol(1)? },
            change: a.order(1)?,
        },
        "cancelOrder" => Call::CancelOrder(a.order_ref()?),
        "cancelOrders" => Call::CancelOrders {
            ids: a.at(0).items().iter().filter_map(Json::to_text).collect(),
            symbol: a.find_symbol(1)?,
        },
        "cancelAllOrders" => Call::CancelAllOrders { symbol: a.find_symbol(0)? },
        "setLeverage" => Call::SetLeverage {
            leverage: a.at(0).as_decimal().ok_or_else(|| Error::arguments_required("leverage"))?,
            symbol: a.find_symbol(1)?,
        },
        "setMarginMode" => {
            let mode = a.at(0).as_str().unwrap_or_default();
            let unknown = || Error::new(ErrorClass::BadRequest, format!("`{mode}` is no margin mode"));
            Call::SetMarginMode {
                mode: MarginMode::parse(mode).ok_or_else(unknown)?,
                symbol: a.find_symbol(1)?,
                leverage: a.params.get("leverage").as_decimal(),
            }
        }
        "setPositionMode" => {
            Call::SetPositionMode { hedged: a.at(0).as_bool().unwrap_or_default(), symbol: a.find_symbol(1)? }
        }
        "addMargin" => {
            Call::AddMargin { symbol: a.symbol(0)?, amount: a.at(1).as_decimal().unwrap_or_default() }
        }
        other => return Err(Error::not_supported(format!("we have no method {other}"))),
    })
}

fn scope(params: &Json<'_>) -> Scope {
    let account = match params.get("type").as_str() {
        Some("spot") => Some(AccountType::Spot),
        Some("margin") => Some(AccountType::Margin),
        Some("funding") => Some(AccountType::Funding),
        Some("swap") => Some(AccountType::Swap),
        Some("future") => Some(AccountType::Future),
        Some("option") => Some(AccountType::Option),
        _ => None,
    };
    let sub_type = match params.get("subType").as_str() {
        Some("linear") => Some(SubType::Linear),
        Some("inverse") => Some(SubType::Inverse),
        _ => None,
    };
    let trigger = params.get("trigger").as_bool() == Some(true);
    Scope { account, sub_type, margin_mode: margin_mode(params), trigger }
}

fn margin_mode(params: &Json<'_>) -> Option<MarginMode> {
    params.get("marginMode").as_str().and_then(MarginMode::parse)
}

fn side(word: &Json<'_>) -> Result<Side, Error> {
    word.as_str()
        .and_then(Side::parse)
        .ok_or_else(|| Error::new(ErrorClass::InvalidOrder, "an order needs a side"))
}

fn symbol(json: &Json<'_>) -> Result<Symbol, Error> {
    let text = json.as_str().ok_or_else(|| Error::arguments_required("the call needs a symbol"))?;
    text.parse().map_err(|_| Error::new(ErrorClass::BadSymbol, format!("`{text}` is no symbol")))
}

fn with_cost(symbol: Symbol, side: Side, cost: &Json<'_>) -> OrderRequest {
    let mut order = OrderRequest::new(symbol, OrderType::Market, side, None, None);
    order.cost = cost.as_decimal();
    order
}

fn listed_order(json: &Json<'_>) -> Result<OrderRequest, Error> {
    let kind = OrderType::parse(json.get("type").as_str().unwrap_or_default());
    let (amount, price) = (json.get("amount").as_decimal(), json.get("price").as_decimal());
    let order = OrderRequest::new(symbol(json.get("symbol"))?, kind, side(json.get("side"))?, amount, price);
    Ok(with_params(order, json.get("params")))
}

fn with_params(mut order: OrderRequest, params: &Json<'_>) -> OrderRequest {
    let number = |name: &str| params.get(name).as_decimal();
    let flag = |name: &str| params.get(name).as_bool() == Some(true);
    order.cost = number("cost");
    order.client_order_id = params.get("clientOrderId").to_text();
    order.time_in_force = params.get("timeInForce").as_str().map(TimeInForce::parse);
    order.post_only = flag("postOnly");
    order.reduce_only = flag("reduceOnly");
    order.trigger_price = number("triggerPrice");
    order.stop_loss_price = number("stopLossPrice");
    order.take_profit_price = number("takeProfitPrice");
    order.trailing_percent = number("trailingPercent");
    order.trigger_direction = match params.get("triggerDirection").as_str() {
        Some("ascending") => Some(TriggerDirection::Ascending),
        Some("descending") => Some(TriggerDirection::Descending),
        _ => None,
    };
    order.stop_loss = attached(params.get("stopLoss"));
    order.take_profit = attached(params.get("takeProfit"));
    order.margin_mode = margin_mode(params);
    order.hedged = flag("hedged");
    order
}

fn attached(json: &Json<'_>) -> Option<Attached> {
    Some(Attached {
        trigger_price: json.get("triggerPrice").as_decimal()?,
        price: json.get("price").as_decimal(),
    })
}

impl Arguments<'_> {
    fn at(&self, index: usize) -> &Json<'_> {
        self.list.get(index).filter(|value| !matches!(value, Json::Map(_))).unwrap_or(NONE)
    }

    fn symbol(&self, index: usize) -> Result<Symbol, Error> {
        symbol(self.at(index))
    }

    fn find_symbol(&self, index: usize) -> Result<Option<Symbol>, Error> {
        let json = self.at(index);
        if json.is_null() { Ok(None) } else { symbol(json).map(Some) }
    }

    fn symbols(&self, index: usize) -> Result<Vec<Symbol>, Error> {
        self.at(index).items().iter().map(symbol).collect()
    }

    fn limit(&self, index: usize) -> Option<u32> {
        u32::try_from(self.at(index).as_i64()?).ok()
    }

    fn page(&self, index: usize) -> Page {
        let until = self.params.get("until").as_millis();
        Page { since: self.at(index).as_millis(), until, limit: self.limit(index + 1) }
    }

    fn order_ref(&self) -> Result<OrderRef, Error> {
        Ok(OrderRef {
            id: self.at(0).to_text(),
            client_order_id: self.params.get("clientOrderId").to_text(),
            symbol: self.find_symbol(1)?,
        })
    }

    fn order(&self, from: usize) -> Result<OrderRequest, Error> {
        let kind = OrderType::parse(self.at(from + 1).as_str().unwrap_or_default());
        let number = |index: usize| -> Option<Decimal> { self.at(index).as_decimal() };
        let (amount, price) = (number(from + 3), number(from + 4));
        let order = OrderRequest::new(self.symbol(from)?, kind, side(self.at(from + 2))?, amount, price);
        Ok(with_params(order, self.params))
    }
}
