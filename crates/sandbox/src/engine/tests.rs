//! What orders do to the account, worked by hand; and that nothing breaks the ledger.

use proptest::prelude::*;
use rust_decimal::Decimal;
use tradai_domain::{CandleSeries, Timeframe};

use super::Engine;
use crate::account::Leverage;
use crate::market::{Filters, Market, Venue};
use crate::order::{AlgoStatus, NewOrder, OrderType, PositionSide, Side, Status, TimeInForce, WorkingType};
use crate::tape::Tape;

const MINUTE: i64 = 60_000;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// One-minute candles from a list of open, high, low, close; volume 13 each, so that every point trades one unit.
fn market(venue: Venue, rows: &[[f64; 4]]) -> Market {
    let mut series = CandleSeries::default();
    for (at, row) in (0..).zip(rows) {
        series.push(at * MINUTE, [row[0], row[1], row[2], row[3], 13.0]);
    }
    // Prices with a decimal place make the tick 0.1, and quantities need a finer step than the volumes show.
    let tape = Tape::new(&series, Timeframe::M1);
    let filters = Filters { min_notional: Decimal::ONE, ..Filters::usual(venue, dec("0.1"), dec("0.01")) };
    let symbol = if venue == Venue::Spot { "BTC/USDT" } else { "BTC/USDT:USDT" };
    let (maker_fee, taker_fee) = (dec("0.001"), dec("0.002"));
    Market {
        venue,
        symbol: symbol.parse().unwrap(),
        id: "BTCUSDT".to_owned(),
        usual_filters: filters.clone(),
        filters,
        maker_fee,
        taker_fee,
        tape,
        mark: None,
        funding: vec![(3 * MINUTE, dec("0.0001"))],
        is_halted: false,
        is_delisted: false,
        gaps: Vec::new(),
        described: None,
    }
}

fn engine(venue: Venue, rows: &[[f64; 4]]) -> Engine {
    let mut engine = Engine::new(vec![market(venue, rows)], 0, Decimal::from(1_000_000));
    engine.deposit(venue, "USDT", Decimal::from(1_000));
    engine
}

fn order(venue: Venue, kind: &str, side: Side, quantity: &str, price: &str) -> NewOrder {
    NewOrder {
        market: 0,
        client_id: format!("{kind}-{quantity}-{price}"),
        side,
        kind: OrderType::parse(venue, kind).unwrap(),
        time_in_force: TimeInForce::Gtc,
        price: dec(price),
        quantity: dec(quantity),
        quote_quantity: None,
        trigger_price: Decimal::ZERO,
        callback_rate: None,
        working_type: WorkingType::Contract,
        position_side: PositionSide::Both,
        is_reduce_only: false,
        closes_position: false,
        good_till: 0,
    }
}

fn spot_balance(engine: &Engine, asset: &str) -> (Decimal, Decimal) {
    let balance = engine.account.balance(Venue::Spot, asset);
    (balance.free, balance.locked)
}

fn assert_sound(engine: &Engine) {
    assert_eq!(engine.audit.violations, Vec::<String>::new());
}

/// Falls from 100.5 to 90 and comes back: open, high, low, close.
const DIP: [[f64; 4]; 3] =
    [[100.5, 101.0, 100.0, 100.5], [100.5, 101.0, 90.0, 100.0], [100.0, 105.5, 100.0, 105.0]];

#[test]
fn a_market_buy_pays_the_ask_and_its_fee_in_what_it_bought() {
    let mut engine = engine(Venue::Spot, &DIP);
    let id = engine.place(order(Venue::Spot, "MARKET", Side::Buy, "1", "0")).unwrap();
    assert_eq!(engine.orders[&id].status, Status::Filled);
    // One at 100.6, a tick above the price; 0.2 % of the coin.
    assert_eq!(spot_balance(&engine, "USDT"), (dec("899.4"), dec("0")));
    assert_eq!(spot_balance(&engine, "BTC"), (dec("0.998"), dec("0")));
    assert_sound(&engine);
}

#[test]
fn partial_fill_then_cancel_gives_the_rest_back() {
    let mut engine = engine(Venue::Spot, &DIP);
    // The first candle touches 100.0 once, where one unit trades.
    let id = engine.place(order(Venue::Spot, "LIMIT", Side::Buy, "3", "100")).unwrap();
    assert_eq!(spot_balance(&engine, "USDT"), (dec("700"), dec("300")));
    engine.advance(30_000);
    let order = &engine.orders[&id];
    assert_eq!((order.status, order.executed), (Status::PartiallyFilled, dec("1")));
    assert_eq!(spot_balance(&engine, "USDT"), (dec("700"), dec("200")));
    engine.cancel(0, Some(id), None).unwrap();
    assert_eq!(engine.orders[&id].status, Status::Canceled);
    assert_eq!(spot_balance(&engine, "USDT"), (dec("900"), dec("0")));
    // A maker's fee of 0.1 %.
    assert_eq!(spot_balance(&engine, "BTC"), (dec("0.999"), dec("0")));
    assert_eq!(engine.cancel(0, Some(id), None).map_err(|refusal| refusal.code), Err(-2011));
    assert_sound(&engine);
}

#[test]
fn a_price_that_goes_through_fills_all_at_the_limit() {
    let mut engine = engine(Venue::Spot, &DIP);
    let id = engine.place(order(Venue::Spot, "LIMIT", Side::Buy, "5", "95")).unwrap();
    engine.advance(2 * MINUTE);
    assert_eq!((engine.orders[&id].status, engine.orders[&id].cost), (Status::Filled, dec("475")));
    assert_sound(&engine);
}

#[test]
fn a_spot_stop_waits_holds_and_goes_off() {
    let mut engine = engine(Venue::Spot, &DIP);
    engine.place(order(Venue::Spot, "MARKET", Side::Buy, "2", "0")).unwrap();
    let stop = NewOrder { trigger_price: dec("95"), ..order(Venue::Spot, "STOP_LOSS", Side::Sell, "1", "0") };
    let id = engine.place(stop).unwrap();
    assert_eq!(spot_balance(&engine, "BTC"), (dec("0.996"), dec("1")));
    engine.advance(2 * MINUTE);
    let order = &engine.orders[&id];
    assert_eq!(order.status, Status::Filled);
    assert!(order.cost <= dec("95") && order.cost >= dec("92"), "{}", order.cost);
    assert_sound(&engine);
}

#[test]
fn fok_fills_whole_or_not_ioc_what_it_can() {
    let mut engine = engine(Venue::Spot, &DIP);
    engine.level_cost = Decimal::from(100);
    let with = |time_in_force, id: &str| NewOrder {
        time_in_force,
        client_id: id.to_owned(),
        ..order(Venue::Spot, "LIMIT", Side::Buy, "5", "100.7")
    };
    let fok = engine.place(with(TimeInForce::Fok, "f")).unwrap();
    assert_eq!((engine.orders[&fok].status, engine.orders[&fok].executed), (Status::Expired, dec("0")));
    let ioc = engine.place(with(TimeInForce::Ioc, "i")).unwrap();
    let executed = engine.orders[&ioc].executed;
    assert!(engine.orders[&ioc].status == Status::Expired && executed > Decimal::ZERO && executed < dec("5"));
    // What one took, another cannot.
    let again = engine.place(with(TimeInForce::Ioc, "j")).unwrap();
    assert_eq!(engine.orders[&again].executed, Decimal::ZERO);
    assert_sound(&engine);
}

#[test]
fn a_long_earns_pays_funding_and_closes() {
    let mut engine =
        engine(Venue::UsdM, &[DIP[0], DIP[2], [105.0, 106.0, 104.0, 105.0], [105.0, 106.0, 104.0, 105.0]]);
    engine.place(order(Venue::UsdM, "MARKET", Side::Buy, "10", "0")).unwrap();
    let margin = engine.margin("USDT");
    // Fee 0.2 % of 1006; margin 1005 / 20.
    assert_eq!((margin.wallet, margin.position_initial), (dec("997.988"), dec("50.25")));
    assert_eq!(margin.cross_unrealized, dec("-1"));
    engine.advance(3 * MINUTE - 1);
    let before = engine.margin("USDT").wallet;
    engine.advance(3 * MINUTE);
    // Ten at a mark of 105, times 0.0001.
    assert_eq!(engine.margin("USDT").wallet, before - dec("0.105"));
    let close = NewOrder { is_reduce_only: true, ..order(Venue::UsdM, "MARKET", Side::Sell, "25", "0") };
    let id = engine.place(close).unwrap();
    assert_eq!(engine.orders[&id].executed, dec("10"), "no more than there is to close");
    // Bought at 100.6, sold at 104.9.
    assert_eq!(engine.fills.back().map(|fill| fill.realized), Some(dec("43")));
    assert_sound(&engine);
}

#[test]
fn an_algo_order_becomes_an_order_and_finishes() {
    let mut engine = engine(Venue::UsdM, &DIP);
    engine.place(order(Venue::UsdM, "MARKET", Side::Buy, "2", "0")).unwrap();
    let stop = |id: &str, closes_position| NewOrder {
        trigger_price: dec("95"),
        closes_position,
        client_id: id.to_owned(),
        quantity: if closes_position { Decimal::ZERO } else { dec("2") },
        is_reduce_only: !closes_position,
        ..order(Venue::UsdM, "STOP_MARKET", Side::Sell, "2", "0")
    };
    let first = engine.place_algo(stop("a", true)).unwrap();
    let second = engine.place_algo(stop("b", false)).unwrap();
    assert_eq!(engine.place_algo(stop("a", true)).map_err(|refusal| refusal.code), Err(-4116));
    engine.advance(2 * MINUTE);
    assert_eq!(engine.algos[&first].status, AlgoStatus::Finished);
    assert_eq!(engine.algos[&second].status, AlgoStatus::Rejected, "nothing was left to close");
    assert!(!engine.account.position(0, PositionSide::Both).is_open());
    assert_sound(&engine);
}

#[test]
fn a_position_beyond_its_margin_is_closed_and_the_exchange_bears_the_rest() {
    for is_isolated in [false, true] {
        let mut engine = engine(Venue::UsdM, &[DIP[0], [100.5, 101.0, 60.0, 61.0], [61.0, 62.0, 60.0, 61.0]]);
        engine.account.leverage.insert(0, Leverage { leverage: 50, is_isolated });
        engine.place(order(Venue::UsdM, "MARKET", Side::Buy, "200", "0")).unwrap();
        engine.advance(2 * MINUTE);
        assert!(!engine.account.position(0, PositionSide::Both).is_open());
        let wallet = engine.margin("USDT").wallet;
        if is_isolated {
            // Of 20,120 at leverage 50: 402.4 of margin at stake, and the fee of 40.24 before.
            assert!(wallet >= dec("1000") - dec("402.4") - dec("40.24"), "{wallet}");
        } else {
            assert!(wallet >= Decimal::ZERO && wallet < dec("300"), "{wallet}");
        }
        assert_sound(&engine);
    }
}

#[test]
fn margin_is_asked_for_what_adds_and_not_for_what_closes() {
    let mut engine = engine(Venue::UsdM, &DIP);
    let too_much = engine.place(order(Venue::UsdM, "MARKET", Side::Buy, "200", "0"));
    assert_eq!(too_much.map_err(|refusal| refusal.code), Err(-2019));
    engine.place(order(Venue::UsdM, "MARKET", Side::Buy, "190", "0")).unwrap();
    let close = engine.place(order(Venue::UsdM, "LIMIT", Side::Sell, "190", "104"));
    assert!(close.is_ok(), "closing needs no margin");
    let more = engine.place(order(Venue::UsdM, "LIMIT", Side::Buy, "10", "100"));
    assert_eq!(more.map_err(|refusal| refusal.code), Err(-2019));
    assert_sound(&engine);
}

/// One step of a random life.
#[derive(Debug, Clone)]
enum Step {
    Place { kind: usize, is_buy: bool, quantity: u32, price: u32, tif: usize, reduce: bool },
    CancelAll,
    Modify { price: u32, quantity: u32 },
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = (0_usize..5, any::<bool>(), 1_u32..400, 850_u32..1_150, 0_usize..4, any::<bool>()).prop_map(
        |(kind, is_buy, quantity, price, tif, reduce)| Step::Place {
            kind,
            is_buy,
            quantity,
            price,
            tif,
            reduce,
        },
    );
    let modify = (850_u32..1_150, 1_u32..400).prop_map(|(price, quantity)| Step::Modify { price, quantity });
    let step = prop_oneof![6 => place, 1 => Just(Step::CancelAll), 1 => modify, 3 => (1_u32..90_000).prop_map(Step::Wait)];
    prop::collection::vec(step, 1..80)
}

fn live(venue: Venue, steps: Vec<Step>, level_cost: i64) -> Engine {
    let rows: Vec<[f64; 4]> = (0..60)
        .map(|at| if at % 2 == 0 { [100.0, 108.5, 91.5, 103.0] } else { [103.0, 112.0, 88.0, 100.0] })
        .collect();
    let mut engine = engine(venue, &rows);
    engine.level_cost = Decimal::from(level_cost);
    let kinds = match venue {
        Venue::Spot => ["LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "TAKE_PROFIT_LIMIT"],
        Venue::UsdM => ["LIMIT", "MARKET", "STOP_MARKET", "TAKE_PROFIT", "TRAILING_STOP_MARKET"],
    };
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Step::Place { kind, is_buy, quantity, price, tif, reduce } => {
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let price = Decimal::new(price.into(), 1);
                let is_waiting = OrderType::parse(venue, kinds[kind]).unwrap().trigger.is_some();
                let asked = NewOrder {
                    client_id: format!("c{at}"),
                    quantity: Decimal::new(quantity.into(), 2),
                    price,
                    trigger_price: if is_waiting { price } else { Decimal::ZERO },
                    callback_rate: Some(Decimal::ONE),
                    time_in_force: [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtx]
                        [tif],
                    is_reduce_only: reduce && venue == Venue::UsdM,
                    ..order(venue, kinds[kind], side, "1", "0")
                };
                // Refusals are part of life.
                drop(if is_waiting && venue == Venue::UsdM {
                    engine.place_algo(asked)
                } else {
                    engine.place(asked)
                });
            }
            Step::CancelAll => drop(engine.cancel_all(0)),
            Step::Modify { price, quantity } => {
                let oldest = engine.open_orders(0).next().map(|order| order.id);
                if let (Some(id), Venue::UsdM) = (oldest, venue) {
                    drop(engine.modify(id, Decimal::new(price.into(), 1), Decimal::new(quantity.into(), 2)));
                }
            }
            Step::Wait(millis) => engine.advance(engine.now + i64::from(millis)),
        }
    }
    engine
}

proptest! {
    #[test]
    fn nothing_breaks_the_ledger(steps in steps(), is_spot in any::<bool>(), level_cost in prop_oneof![Just(300_i64), Just(100_000)]) {
        let venue = if is_spot { Venue::Spot } else { Venue::UsdM };
        let engine = live(venue, steps, level_cost);
        prop_assert_eq!(&engine.audit.violations, &Vec::<String>::new());
        prop_assert!(engine.audit.checks > 0);
    }

    #[test]
    fn steps_of_time_do_not_matter(steps in steps(), is_spot in any::<bool>()) {
        // Every wait is cut in two; all else stays.
        let venue = if is_spot { Venue::Spot } else { Venue::UsdM };
        let halves = steps.iter().flat_map(|step| match step {
            Step::Wait(millis) => vec![Step::Wait(millis / 2), Step::Wait(millis - millis / 2)],
            step => vec![step.clone()],
        });
        // Client ids count steps: compare by what was executed.
        let told = |engine: &Engine| -> Vec<(i64, Decimal, Decimal)> {
            engine.fills.iter().map(|fill| (fill.at, fill.price, fill.quantity)).collect()
        };
        let halves = live(venue, halves.collect(), 100_000);
        prop_assert_eq!(told(&live(venue, steps, 100_000)), told(&halves));
    }
}
