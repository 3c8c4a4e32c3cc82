//! Answers of hooks.

use super::{load, populated, with};
use tradai_domain::{Symbol, Timeframe};
use tradai_strategy::{
    EntryRequest, ExitRequest, Order, OrderPrice, StakeProposal, StopRequest, Strategy as _, Trade,
};

fn trade() -> Trade {
    let order = |id, is_entry, amount, price| Order {
        id,
        is_entry,
        is_open: false,
        amount,
        price,
        cost: amount * price,
        order_date: 0,
        filled_date: Some(0),
        tag: String::new(),
        funding_fee: 0.0,
    };
    Trade {
        id: 1,
        pair: "BTC/USDT".parse().unwrap(),
        is_short: false,
        is_open: true,
        leverage: 2.0,
        stake_amount: 75.0,
        max_stake_amount: 75.0,
        amount: 1.5,
        amount_requested: 1.0,
        open_rate: 100.0,
        open_trade_value: 150.0,
        open_date: 0,
        close_date: None,
        close_rate: None,
        fee_open: 0.0,
        fee_close: 0.0,
        enter_tag: "dip".to_owned(),
        exit_reason: String::new(),
        stop_loss: 90.0,
        stop_loss_pct: None,
        initial_stop_loss: 90.0,
        initial_stop_loss_pct: None,
        is_stop_loss_trailing: false,
        liquidation_price: None,
        max_rate: 110.0,
        min_rate: 95.0,
        funding_fees: 0.0,
        realized_profit: 0.0,
        close_profit_abs: None,
        close_profit: None,
        orders: vec![order(1, true, 1.0, 100.0), order(2, true, 0.5, 100.0)],
    }
}

#[test]
fn hooks_read_columns_under_any_name() {
    let text = with(
        "  indicators: {price: {expression: close}, opened: {expression: hour}, up: {expression: close > open}}\n  \
         entry: [{when: close > 1e9}]",
        "hooks: {custom_entry_price: 'if(up, 1000, 2000) + price * 0 + opened + hour + weekday * 100'}",
    );
    let strategy = load(&text);
    let (frame, _) = populated(&strategy, "BTC/USDT", Timeframe::M5);
    let pair: Symbol = "BTC/USDT".parse().unwrap();
    for rows in [13, 14, 15, 16, 40] {
        let now = i64::try_from(rows).unwrap() * Timeframe::M5.millis();
        let view = frame.view(rows);
        let request = EntryRequest {
            pair: &pair,
            now,
            rate: 1.0,
            is_short: false,
            entry_tag: "",
            trade: None,
            frame: view,
        };
        let up = frame.candles().close()[rows - 1] > frame.candles().open()[rows - 1];
        // The last closed candle opened five minutes ago; the epoch was a Thursday.
        let (opened, hour) = ((now - 300_000) / 3_600_000, now / 3_600_000);
        let expected = if up { 1000.0 } else { 2000.0 } + (opened + hour) as f64 + 300.0;
        assert_eq!(strategy.custom_entry_price(&request), expected, "{rows}");
    }
}

#[test]
fn hooks_answer() {
    let text = with(
        "  indicators: {atr: {expression: high - low}}\n  entry: [{when: close > 1e9}]",
        "hooks:
  custom_stoploss:
    - {when: after_fill, value: 0.5}
    - {when: current_profit > 0.1, value: 'stoploss_from_absolute(current_rate - 2 * atr)'}
  custom_roi: 'if(duration > 60, 0.01, none)'
  custom_exit:
    - {when: \"entry_tag == 'dip' and duration >= 30 and close < highest(high, 3)\", tag: stale}
    - {when: true, tag: 'n{nr_of_successful_entries}'}
  custom_entry_price: 'proposed_rate - if(is_short, -1, 1) * 0.5'
  custom_exit_price: {when: 'exit_reason == \"exit_signal\"', value: proposed_rate + 1}
  custom_stake_amount: 'min(proposed_stake, max_stake / 4)'
  leverage: 'min(5, max_leverage)'
  confirm_trade_entry: 'entry_tag != \"no\"'
  confirm_trade_exit: 'not (exit_reason == \"roi\" and current_profit < 0)'
  adjust_trade_position:
    - {when: 'current_profit < -0.05 and nr_of_successful_exits == 0', stake: first_entry_stake * 2, tag: 'so{nr_of_successful_entries}'}
  adjust_order_price: {when: order_age >= 10, value: 'if(is_entry_order, none, proposed_rate)'}
  check_entry_timeout: order_age > 20
",
    );
    let strategy = load(&text);
    let settings = strategy.settings();
    for switch in ["use_custom_stoploss", "use_custom_roi", "position_adjustment_enable"] {
        assert_eq!(settings[switch], true, "{switch}");
    }
    let hooks = strategy.hooks();
    assert!(hooks.custom_stoploss_after_fill && hooks.check_entry_timeout && !hooks.check_exit_timeout);

    let (frame, _) = populated(&strategy, "BTC/USDT", Timeframe::M5);
    let view = frame.view(100);
    let trade = trade();
    let now = 45 * 60_000;
    let stop = |profit, after_fill| {
        strategy.custom_stoploss(&StopRequest {
            trade: &trade,
            now,
            rate: 100.0,
            profit,
            after_fill,
            frame: view,
        })
    };
    let atr = frame.candles().high()[99] - frame.candles().low()[99];
    assert_eq!(stop(0.0, false), None);
    assert_eq!(stop(0.0, true), Some(0.5));
    assert!((stop(0.2, false).unwrap() - 2.0 * (2.0 * atr / 100.0)).abs() < 1e-12);
    assert_eq!(strategy.custom_roi(&trade, now, 45), None);
    assert_eq!(strategy.custom_roi(&trade, now + 16 * 60_000, 61), Some(0.01));

    let exit = |now, profit, exit_reason| ExitRequest {
        trade: &trade,
        now,
        rate: 100.0,
        profit,
        exit_reason,
        frame: view,
    };
    assert_eq!(strategy.custom_exit(&exit(now, 0.0, "")).as_deref(), Some("stale"));
    assert_eq!(strategy.custom_exit(&exit(0, 0.0, "")).as_deref(), Some("n2"));
    assert_eq!(strategy.custom_exit_price(&exit(now, 0.0, "exit_signal")), 101.0);
    assert_eq!(strategy.custom_exit_price(&exit(now, 0.0, "other")), 100.0);
    assert!(!strategy.confirm_trade_exit(&exit(now, -0.1, "roi"), 1.0));
    assert!(strategy.confirm_trade_exit(&exit(now, 0.1, "roi"), 1.0));
    let more = strategy.adjust_trade_position(&exit(now, -0.06, ""), Some(1.0), 100.0).unwrap();
    assert_eq!((more.stake, more.tag.as_str()), (100.0, "so2"));
    assert_eq!(strategy.adjust_trade_position(&exit(now, -0.04, ""), None, 100.0), None);

    let entry = |is_short, entry_tag| EntryRequest {
        pair: &trade.pair,
        now,
        rate: 100.0,
        is_short,
        entry_tag,
        trade: None,
        frame: view,
    };
    assert_eq!(strategy.custom_entry_price(&entry(false, "")), 99.5);
    assert_eq!(strategy.custom_entry_price(&entry(true, "")), 100.5);
    assert_eq!(strategy.leverage(&entry(false, ""), 3.0), 3.0);
    assert!(strategy.confirm_trade_entry(&entry(false, "yes"), 1.0));
    assert!(!strategy.confirm_trade_entry(&entry(false, "no"), 1.0));
    let proposal = StakeProposal { proposed_stake: 50.0, min_stake: 5.0, max_stake: 100.0, leverage: 1.0 };
    assert_eq!(strategy.custom_stake_amount(&entry(false, ""), &proposal), 25.0);

    let price = |minutes: i64, is_entry| {
        let order = Order { is_entry, price: 98.0, ..trade.orders[0].clone() };
        let request = OrderPrice {
            trade: &trade,
            order: &order,
            now: minutes * 60_000,
            proposed_rate: 101.0,
            frame: view,
        };
        (strategy.adjust_order_price(&request), strategy.check_entry_timeout(&request))
    };
    assert_eq!(price(5, true), (Some(98.0), false));
    assert_eq!(price(10, true), (None, false));
    assert_eq!(price(25, false), (Some(101.0), true));
}
