//! The golden cases' callbacks as native strategies. Indicators they look at are computed here; signals are given.

use tradai_strategy::{
    Adjustment, CandleSource, EntryRequest, ExitRequest, Frame, Hooks, Signals, StakeProposal, StopRequest,
    Strategy, StrategyError,
};

/// Freqtrade's `stoploss_from_open`.
fn stoploss_from_open(open_relative: f64, profit: f64, is_short: bool, leverage: f64) -> f64 {
    let profit = profit / leverage;
    if (profit == -1.0 && !is_short) || (is_short && profit == 1.0) {
        return 1.0;
    }
    let stop = if is_short {
        -1.0 + ((1.0 - open_relative / leverage) / (1.0 - profit))
    } else {
        1.0 - ((1.0 + open_relative / leverage) / (1.0 + profit))
    };
    (stop * leverage).max(0.0)
}

/// Freqtrade's `stoploss_from_absolute`.
fn stoploss_from_absolute(stop_rate: f64, rate: f64, is_short: bool, leverage: f64) -> f64 {
    if rate == 0.0 {
        return 1.0;
    }
    let stop = 1.0 - (stop_rate / rate);
    (if is_short { -stop } else { stop }).max(0.0) * leverage
}

macro_rules! no_signals {
    () => {
        fn populate_entry_trend(&self, _: &Frame, _: &mut Signals) -> Result<(), StrategyError> {
            Ok(())
        }

        fn populate_exit_trend(&self, _: &Frame, _: &mut Signals) -> Result<(), StrategyError> {
            Ok(())
        }
    };
}

/// f04a: the stop follows in steps of profit, and after six hours.
pub(crate) struct StopSteps;

impl Strategy for StopSteps {
    fn name(&self) -> &str {
        "StopSteps"
    }

    fn hooks(&self) -> Hooks {
        Hooks { custom_stoploss: true, custom_stoploss_after_fill: true, ..Hooks::default() }
    }

    fn populate_indicators(&self, _: &mut Frame, _: &dyn CandleSource) -> Result<(), StrategyError> {
        Ok(())
    }

    no_signals!();

    fn custom_stoploss(&self, request: &StopRequest<'_>) -> Option<f64> {
        let from_open =
            |stop| stoploss_from_open(stop, request.profit, request.trade.is_short, request.trade.leverage);
        if request.profit > 0.04 {
            return Some(from_open(0.02));
        }
        if request.profit > 0.02 {
            return Some(from_open(0.005));
        }
        (request.now - 360 * 60_000 > request.trade.open_date).then_some(-0.03)
    }
}

/// f04c: three ATRs behind the price.
pub(crate) struct StopAtr;

impl Strategy for StopAtr {
    fn name(&self) -> &str {
        "StopAtr"
    }

    fn hooks(&self) -> Hooks {
        Hooks { custom_stoploss: true, custom_stoploss_after_fill: true, ..Hooks::default() }
    }

    fn populate_indicators(&self, frame: &mut Frame, _: &dyn CandleSource) -> Result<(), StrategyError> {
        let candles = frame.candles();
        let atr = tradai_strategy::indicators::atr(candles.high(), candles.low(), candles.close(), 14);
        frame.insert("atr", atr)?;
        Ok(())
    }

    no_signals!();

    fn custom_stoploss(&self, request: &StopRequest<'_>) -> Option<f64> {
        let atr = request.frame.last("atr")?;
        let side = if request.trade.is_short { -1.0 } else { 1.0 };
        let stop = request.rate - side * 3.0 * atr;
        Some(stoploss_from_absolute(stop, request.rate, request.trade.is_short, request.trade.leverage))
    }
}

/// f08a, f08c: a fifth of the stake, then more as the price falls.
pub(crate) struct Dca {
    pub(crate) step: f64,
    pub(crate) leverage: f64,
}

impl Strategy for Dca {
    fn name(&self) -> &str {
        "Dca"
    }

    fn hooks(&self) -> Hooks {
        Hooks { custom_stake_amount: true, adjust_trade_position: true, leverage: true, ..Hooks::default() }
    }

    fn populate_indicators(&self, _: &mut Frame, _: &dyn CandleSource) -> Result<(), StrategyError> {
        Ok(())
    }

    no_signals!();

    fn leverage(&self, _: &EntryRequest<'_>, _: f64) -> f64 {
        self.leverage
    }

    fn custom_stake_amount(&self, _: &EntryRequest<'_>, stake: &StakeProposal) -> f64 {
        stake.proposed_stake / 5.0
    }

    fn adjust_trade_position(&self, request: &ExitRequest<'_>, _: Option<f64>, _: f64) -> Option<Adjustment> {
        if request.trade.has_open_orders() {
            return None;
        }
        let entries = request.trade.nr_of_successful_entries() as f64;
        if request.profit >= self.step * entries {
            return None;
        }
        let first = request.trade.filled_entries().next()?.stake_amount(request.trade.leverage);
        Some(Adjustment { stake: first * (1.0 + 0.5 * entries), tag: format!("so{entries}") })
    }
}

/// f10a: a limit 0.4 % below the open.
pub(crate) struct LimitBelow;

impl Strategy for LimitBelow {
    fn name(&self) -> &str {
        "LimitBelow"
    }

    fn hooks(&self) -> Hooks {
        Hooks { custom_entry_price: true, ..Hooks::default() }
    }

    fn populate_indicators(&self, _: &mut Frame, _: &dyn CandleSource) -> Result<(), StrategyError> {
        Ok(())
    }

    no_signals!();

    fn custom_entry_price(&self, request: &EntryRequest<'_>) -> f64 {
        request.rate * (1.0 - 0.004)
    }
}
