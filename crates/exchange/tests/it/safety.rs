//! What must never happen.

use tradai_exchange::model::{OrderType, Side};
use tradai_exchange::{Adapter, Call, Context, Credentials, Markets, OrderRequest, Request, binance};

const KEY: &str = "public-half-of-the-key";
const SECRET: &str = "secret-half-of-the-key";

#[test]
fn keys_are_not_printed() {
    let keys = Credentials::new(KEY, SECRET).with_passphrase("a passphrase");
    let context = Context {
        markets: &Markets::default(),
        credentials: Some(&keys),
        now_ms: 0,
        recv_window_ms: 5_000,
        new_client_order_id: "id",
        leverage_tiers: None,
    };
    let built = binance::SPOT.build_request(&Request::from(Call::FetchBalance), &context).unwrap();
    assert!(built.url.contains("signature="));
    let shown = format!("{keys:?} {context:?} {built:?}");
    for hidden in [KEY, SECRET, "a passphrase", "signature"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn without_keys_nothing_is_signed() {
    let context = Context {
        markets: &Markets::default(),
        credentials: None,
        now_ms: 0,
        recv_window_ms: 5_000,
        new_client_order_id: "id",
        leverage_tiers: None,
    };
    let error = binance::SPOT.build_request(&Request::from(Call::FetchBalance), &context).unwrap_err();
    assert_eq!(error.class.name(), "AuthenticationError");
    let order = OrderRequest::new("NO/SUCH".parse().unwrap(), OrderType::Market, Side::Buy, None, None);
    let error = binance::SPOT.build_request(&Request::from(Call::CreateOrder(order)), &context).unwrap_err();
    assert_eq!(error.class.name(), "BadSymbol");
}
