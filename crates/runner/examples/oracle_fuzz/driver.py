"""Runs Freqtrade's backtests on case folders, one forked child per case.

usage: FREQTRADE_PYTHON driver.py        (case folders on stdin, one per line)

For every folder one line comes back on stdout: `ok`, or `failed: <last words>`. A case folder holds strategy.py
(class Case), config.json, case.json {"timerange", "arguments"}, markets.json, leverage_tiers.json and data/ with
candles as Parquet. Its folder `oracle` receives trades.jsonl, summary.json and signals.parquet in the formats of
the golden cases. Forking after the imports keeps cases apart and saves their start-up time; candles and market
rules are the case's own, nothing is taken from a network.
"""

import glob
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import zipfile

import pandas as pd
from freqtrade.exchange import Binance, Exchange
from freqtrade.main import main as freqtrade
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.util import dt_ts

SECONDS_PER_CASE = 120
FLAGS = ["enter_long", "exit_long", "enter_short", "exit_short"]
TAGS = ["enter_tag", "exit_tag"]
TRADE_KEYS = """pair stake_amount max_stake_amount amount open_date close_date open_rate close_rate fee_open fee_close
    trade_duration profit_ratio profit_abs exit_reason initial_stop_loss_abs initial_stop_loss_ratio stop_loss_abs
    stop_loss_ratio min_rate max_rate is_open enter_tag leverage is_short open_timestamp close_timestamp orders
    funding_fees weekday""".split()
SUMMARY_KEYS = """total_trades trade_count_long trade_count_short total_volume avg_stake_amount profit_mean
    profit_median profit_total profit_total_abs profit_total_long_abs profit_total_short_abs cagr expectancy
    expectancy_ratio sortino sharpe calmar sqn p_value profit_factor wins losses draws winrate max_drawdown_account
    max_relative_drawdown max_drawdown_abs drawdown_start_ts drawdown_end_ts max_drawdown_low max_drawdown_high
    csum_min csum_max market_change backtest_start_ts backtest_end_ts backtest_days trades_per_day starting_balance
    final_balance rejected_signals timedout_entry_orders timedout_exit_orders canceled_trade_entries
    canceled_entry_orders replaced_entry_orders max_open_trades holding_avg_s winner_holding_avg_s
    loser_holding_avg_s max_consecutive_wins max_consecutive_losses backtest_best_day_abs backtest_worst_day_abs
    winning_days draw_days losing_days wallet_stats""".split()


def use_rules_of(case):
    """Markets and leverage tiers come from the case."""
    markets = json.load(open(os.path.join(case, "markets.json")))
    tiers = json.load(open(os.path.join(case, "leverage_tiers.json")))
    for steps in tiers.values():
        for step in steps:
            step["info"] = {"cum": step["maintAmt"]}

    def reload_markets(self, force=False, *, load_leverage_tiers=True):
        self._markets = markets
        for api in (self._api, self._api_async):
            api.markets = markets
            api.markets_by_id = {market["id"]: [market] for market in markets.values()}
            api.symbols = list(markets)
            api.currencies = {}
        self._last_markets_refresh = dt_ts()
        if load_leverage_tiers and str(self.trading_mode) == "futures":
            self.fill_leverage_tiers()

    Exchange.reload_markets = reload_markets
    Binance.load_leverage_tiers = lambda self: tiers


def write_feather(case, target):
    for path in glob.glob(os.path.join(case, "data", "*.parquet")):
        name = os.path.basename(path).removesuffix(".parquet")
        folder = os.path.join(target, "futures") if name.count("_") > 1 else target
        os.makedirs(folder, exist_ok=True)
        frame = pd.read_parquet(path)
        times = frame.pop("timestamp")
        if times.dtype.kind == "i":
            times = pd.to_datetime(times, unit="ms", utc=True)
        frame.insert(0, "date", times)
        frame.to_feather(os.path.join(folder, name + ".feather"))


def keep_signals(signals):
    """Collects the signals of the tested candles, as they are before the shift by one candle."""
    original = Backtesting._get_ohlcv_as_lists

    def lists(self, processed):
        result = original(self, processed)
        for pair, frame in processed.items():
            rows = frame.copy()
            for column in FLAGS:
                rows[column] = rows[column].fillna(0).astype("int8") if column in rows else 0
            for column in TAGS:
                given = column in rows
                rows[column] = rows[column].astype(object).where(rows[column].notna(), "").astype(str) if given else ""
            rows["timestamp"] = rows["date"].dt.as_unit("ms").astype("int64")
            rows["pair"] = pair
            rows["first_ts"] = int(rows["timestamp"].iloc[0]) if len(rows) else 0
            signals.append(rows.loc[rows[FLAGS].any(axis=1), ["pair", "timestamp", *FLAGS, *TAGS, "first_ts"]])
        return result

    Backtesting._get_ohlcv_as_lists = lists


def write_results(stats, signals, out):
    with open(os.path.join(out, "trades.jsonl"), "w") as file:
        for seq, trade in enumerate(stats["trades"]):
            file.write(json.dumps({**{key: trade[key] for key in TRADE_KEYS}, "seq": seq}) + "\n")
    summary = {key: stats[key] for key in SUMMARY_KEYS if key in stats}
    summary["exit_reason_summary"] = {
        line["key"]: {"trades": line["trades"], "profit_abs": line["profit_total_abs"]}
        for line in stats["exit_reason_summary"]
    }
    summary["results_per_pair"] = {
        line["key"]: {"trades": line["trades"], "profit_total_abs": line["profit_total_abs"]}
        for line in stats["results_per_pair"]
    }
    summary["locks"] = [{**lock, "id": None} for lock in stats["locks"]]
    with open(os.path.join(out, "summary.json"), "w") as file:
        json.dump(summary, file, indent=1, default=str)
    pd.concat(signals).reset_index(drop=True).to_parquet(os.path.join(out, "signals.parquet"), compression="zstd")


def run(case):
    work, signals = tempfile.mkdtemp(), []
    try:
        plan = json.load(open(os.path.join(case, "case.json")))
        out = os.path.join(case, "oracle")
        os.makedirs(out, exist_ok=True)
        use_rules_of(case)
        keep_signals(signals)
        write_feather(case, os.path.join(work, "data"))
        for folder in ("user/data", "export"):
            os.makedirs(os.path.join(work, folder))
        arguments = [
            "backtesting", "-c", os.path.join(case, "config.json"), "--strategy", "Case", "--strategy-path", case,
            "--datadir", os.path.join(work, "data"), "--userdir", os.path.join(work, "user"),
            "--export", "trades", "--backtest-directory", os.path.join(work, "export"), "--cache", "none",
            *plan["arguments"],
        ]  # fmt: skip
        if plan["timerange"]:
            arguments.append("--timerange=" + plan["timerange"])
        try:
            freqtrade(arguments)
        except SystemExit as stop:
            if stop.code:
                raise RuntimeError(f"exit code {stop.code}")
        archives = glob.glob(os.path.join(work, "export", "*.zip"))
        if not archives:
            raise RuntimeError("no result")
        archive = zipfile.ZipFile(archives[0])
        name = next(n for n in archive.namelist() if n.endswith(".json") and "_config" not in n and "_Case" not in n)
        write_results(json.loads(archive.read(name))["strategy"]["Case"], signals, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def child(case):
    """Runs one case; its words go to oracle/log.txt."""
    os.makedirs(os.path.join(case, "oracle"), exist_ok=True)
    log = os.open(os.path.join(case, "oracle", "log.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.alarm(SECONDS_PER_CASE)
    try:
        run(case)
        status = 0
    except BaseException:
        logging.getLogger("driver").exception("the case failed")
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def last_words(case):
    try:
        lines = open(os.path.join(case, "oracle", "log.txt"), errors="replace").read().splitlines()
    except OSError:
        return "no log"
    telling = [line for line in lines if "ERROR" in line or "Error" in line or "Exception" in line]
    return " | ".join((telling or lines or ["no words"])[-2:])[:400]


def main():
    for line in sys.stdin:
        case = os.path.abspath(line.strip())
        process = os.fork()
        if process == 0:
            child(case)
        _, status = os.waitpid(process, 0)
        print("ok" if status == 0 else "failed: " + last_words(case), flush=True)


if __name__ == "__main__":
    main()
