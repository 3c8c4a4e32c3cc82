"""Unified calls of Python CCXT against a running sandbox, compared with what the sandbox itself says.

Usage: ccxt_probe.py URL [--json]. Prints one line per call; the last one counts. Exit code 1 when any disagrees.
The sandbox must replay BTC/USDT, ETH/USDT and their perpetuals, with stepped time, and be fresh.
"""

import json
import sys
import time
import urllib.request

import ccxt

BASE = sys.argv[1]
RESULTS = []


def admin(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE}/_sandbox/{path}", data=data)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def redirect(urls):
    """Puts the sandbox in the place of every host."""
    if isinstance(urls, dict):
        return {key: redirect(value) for key, value in urls.items()}
    return BASE + "/" + urls.split("/", 3)[3] if isinstance(urls, str) and urls.startswith("https://") else urls


def client(kind, **more):
    exchange = kind({
        "apiKey": "sandbox-key",
        "secret": "sandbox-secret",
        "enableRateLimit": False,
        "options": {"adjustForTimeDifference": True, **more},
    })
    exchange.urls["api"] = redirect(exchange.urls["api"])
    # load_markets signs its first request, before it would look at the time.
    exchange.load_time_difference()
    return exchange


def call(name, run, check=lambda result: True):
    """Runs a unified call and checks its result; `check` returns a bool or raises."""
    try:
        result = run()
        agrees = check(result)
        RESULTS.append((name, bool(agrees), "" if agrees else f"got {str(result)[:600]}"))
        return result
    except Exception as error:  # noqa: BLE001: every failure is a result
        RESULTS.append((name, False, f"{type(error).__name__}: {str(error)[:400]}"))
        return None


def refused(name, kind, code, run):
    """Runs a call that must be refused with an error class (or one above it: see finding 4) and a code."""
    try:
        result = run()
        RESULTS.append((name, False, f"not refused: {str(result)[:200]}"))
    except Exception as error:  # noqa: BLE001
        is_kind = isinstance(error, kind) and str(code) in str(error)
        RESULTS.append((name, is_kind, "" if is_kind else f"{type(error).__name__}: {str(error)[:300]}"))


def order_of(number):
    return next(order for order in admin("orders")["orders"] if order["id"] == int(number))


def same(order, number=None):
    """Whether a unified order says what the sandbox knows of it."""
    known = order_of(number or order["id"])
    status = {"NEW": "open", "PARTIALLY_FILLED": "open", "FILLED": "closed", "CANCELED": "canceled",
              "EXPIRED": "expired"}[known["status"]]
    return (
        order["status"] == status
        and abs(order["amount"] - float(known["quantity"])) < 1e-12
        and abs(order["filled"] - float(known["executed"])) < 1e-12
        and order["side"] == known["side"].lower()
        and order["clientOrderId"] == known["client_id"]
        and (order["price"] is None or float(known["price"]) == 0 or order["price"] == float(known["price"]))
    )


def held(venue, asset):
    for balance in admin("state")["balances"]:
        if (balance["venue"], balance["asset"]) == (venue, asset):
            return float(balance["free"]), float(balance["locked"])
    return 0.0, 0.0


def balances_agree(venue, balance):
    def agrees(asset):
        free, locked = held(venue, asset)
        return abs(balance[asset]["free"] - free) < 1e-9 and abs(balance[asset]["used"] - locked) < 1e-9
    return all(agrees(asset) for asset in ("USDT", "BTC") if asset in balance)


def market_data(name, exchange, symbol):
    now = admin("clock")["now"]
    call(f"{name} fetch_time", exchange.fetch_time, lambda result: result == now)
    call(f"{name} fetch_status", exchange.fetch_status, lambda result: result["status"] == "ok")
    price = next(m for m in admin("state")["markets"] if m["symbol"] == symbol)["price"]
    last = float(price)
    call(f"{name} fetch_ticker", lambda: exchange.fetch_ticker(symbol),
         lambda t: t["last"] == last and t["low"] <= last <= t["high"] and t["baseVolume"] > 0)
    call(f"{name} fetch_tickers", lambda: exchange.fetch_tickers([symbol]), lambda t: t[symbol]["last"] == last)
    call(f"{name} fetch_bids_asks", lambda: exchange.fetch_bids_asks([symbol]),
         lambda t: t[symbol]["bid"] < last < t[symbol]["ask"])
    call(f"{name} fetch_last_prices", lambda: exchange.fetch_last_prices([symbol]),
         lambda t: t[symbol]["price"] == last)
    call(f"{name} fetch_order_book", lambda: exchange.fetch_order_book(symbol, 20),
         lambda b: len(b["bids"]) == 20 and b["bids"][0][0] < last < b["asks"][0][0]
         and b["bids"] == sorted(b["bids"], reverse=True) and b["asks"] == sorted(b["asks"]))
    trades = call(f"{name} fetch_trades", lambda: exchange.fetch_trades(symbol, limit=50),
                  lambda t: len(t) == 50 and t[-1]["price"] == last
                  and [int(x["id"]) for x in t] == list(range(int(t[0]["id"]), int(t[0]["id"]) + 50)))
    if trades:
        since = trades[10]["timestamp"]
        call(f"{name} fetch_trades since", lambda: exchange.fetch_trades(symbol, since, 10),
             lambda t: t[0]["id"] == trades[10]["id"] and len(t) == 10)
    candles = call(f"{name} fetch_ohlcv latest", lambda: exchange.fetch_ohlcv(symbol, "5m", limit=100),
                   lambda c: len(c) == 100 and c[-1][4] == last and all(b[0] - a[0] == 300_000 for a, b in zip(c, c[1:])))
    if candles:
        call(f"{name} fetch_ohlcv since", lambda: exchange.fetch_ohlcv(symbol, "5m", candles[20][0], 30),
             lambda c: c == candles[20:50])
        pages, since = [], candles[0][0]
        while len(pages) < 99:
            page = exchange.fetch_ohlcv(symbol, "5m", since, 13)
            pages += page
            since = page[-1][0] + 1
        call(f"{name} fetch_ohlcv pages", lambda: pages[:99], lambda c: c == candles[:99])
        hour = call(f"{name} fetch_ohlcv 1h", lambda: exchange.fetch_ohlcv(symbol, "1h", limit=3), lambda c: len(c) == 3)
        if hour:
            part = [c for c in candles if hour[1][0] <= c[0] < hour[2][0]]
            call(f"{name} fetch_ohlcv 1h is its 5m", lambda: hour[1],
                 lambda c: c[1] == part[0][1] and c[2] == max(p[2] for p in part) and c[3] == min(p[3] for p in part)
                 and c[4] == part[-1][4] and abs(c[5] - sum(p[5] for p in part)) < 1e-6)
    refused(f"{name} bad interval", ccxt.BaseError, -1120, lambda: exchange.fetch_ohlcv(symbol, "1s"))
    return last


def spot():
    exchange = client(ccxt.binance, defaultType="spot")
    symbol = "BTC/USDT"
    markets = call("spot load_markets", exchange.load_markets, lambda m: "BTC/USDT" in m and "BTC/USDT:USDT" in m)
    if not markets:
        return
    call("spot market rules", lambda: exchange.market(symbol),
         lambda m: m["spot"] and m["active"] and m["precision"]["price"] > 0 and m["limits"]["cost"]["min"] == 5)
    call("spot fetch_currencies", exchange.fetch_currencies, lambda c: "BTC" in c)
    last = market_data("spot", exchange, symbol)
    call("spot fetch_trading_fee", lambda: exchange.fetch_trading_fee(symbol), lambda f: f["taker"] == 0.001)
    call("spot fetch_trading_fees", exchange.fetch_trading_fees, lambda f: f[symbol]["maker"] == 0.001)
    call("spot fetch_balance", exchange.fetch_balance, lambda b: balances_agree("spot", b))

    bought = call("spot market buy", lambda: exchange.create_order(symbol, "market", "buy", 0.5),
                  lambda o: same(o) and o["status"] == "closed" and len(o["trades"]) > 0)
    call("spot market buy by cost", lambda: exchange.create_market_buy_order_with_cost(symbol, 1000),
         lambda o: same(o) and 0 <= 1000 - o["cost"] < 0.001 * o["average"])
    call("spot market sell", lambda: exchange.create_order(symbol, "market", "sell", 0.1),
         lambda o: same(o) and o["average"] < last)
    call("spot fetch_balance after", exchange.fetch_balance, lambda b: balances_agree("spot", b) and b["BTC"]["total"] > 0.4)
    if bought:
        call("spot fetch_order", lambda: exchange.fetch_order(bought["id"], symbol), same)
        call("spot fetch_order_trades", lambda: exchange.fetch_order_trades(bought["id"], symbol),
             lambda t: abs(sum(x["amount"] for x in t) - 0.5) < 1e-12 and t[0]["fee"]["currency"] == "BTC")

    low, high = round(last * 0.9), round(last * 1.1)
    resting = call("spot limit buy rests", lambda: exchange.create_order(symbol, "limit", "buy", 0.01, low),
                   lambda o: same(o) and o["status"] == "open")
    call("spot balance is locked", exchange.fetch_balance,
         lambda b: balances_agree("spot", b) and abs(b["USDT"]["used"] - 0.01 * low) < 1e-9)
    call("spot fetch_open_orders", lambda: exchange.fetch_open_orders(symbol),
         lambda o: [x["id"] for x in o] == [resting["id"]])
    call("spot limit buy takes", lambda: exchange.create_order(symbol, "limit", "buy", 0.01, high),
         lambda o: same(o) and o["status"] == "closed" and o["average"] < high)
    call("spot IOC", lambda: exchange.create_order(symbol, "limit", "buy", 0.01, low, {"timeInForce": "IOC"}),
         lambda o: same(o) and o["status"] == "expired")
    call("spot FOK", lambda: exchange.create_order(symbol, "limit", "sell", 0.01, low, {"timeInForce": "FOK"}),
         lambda o: same(o) and o["status"] == "closed")
    maker = call("spot post only rests",
                 lambda: exchange.create_order(symbol, "limit", "sell", 0.01, high, {"postOnly": True}),
                 lambda o: o["id"] is not None)
    refused("spot post only refused", ccxt.BaseError, "immediately match",
            lambda: exchange.create_order(symbol, "limit", "buy", 0.01, high, {"postOnly": True}))
    stop = call("spot stop loss limit",
                lambda: exchange.create_order(symbol, "limit", "sell", 0.01, low - 10, {"stopLossPrice": low}),
                lambda o: o["id"] is not None)
    call("spot take profit",
         lambda: exchange.create_order(symbol, "market", "sell", 0.01, None, {"takeProfitPrice": high}),
         lambda o: o["id"] is not None)
    refused("spot stop refused", ccxt.BaseError, "trigger immediately",
            lambda: exchange.create_order(symbol, "limit", "sell", 0.01, low, {"stopLossPrice": high}))
    if stop:
        call("spot fetch_order of a stop", lambda: exchange.fetch_order(stop["id"], symbol),
             lambda o: same(o) and o["triggerPrice"] == low)
    if resting:
        call("spot edit_order", lambda: exchange.edit_order(resting["id"], symbol, "limit", "buy", 0.02, low - 100),
             lambda o: same(o) and o["amount"] == 0.02)
        call("spot fetch_canceled_orders", lambda: exchange.fetch_canceled_orders(symbol),
             lambda o: resting["id"] in [x["id"] for x in o])
    if maker:
        call("spot cancel_order", lambda: exchange.cancel_order(maker["id"], symbol),
             lambda o: same(o, maker["id"]) if o["clientOrderId"] == order_of(maker["id"])["client_id"] else order_of(maker["id"])["status"] == "CANCELED")
    refused("spot cancel unknown", ccxt.OrderNotFound, -2011, lambda: exchange.cancel_order("999999", symbol))
    refused("spot fetch unknown", ccxt.OrderNotFound, -2013, lambda: exchange.fetch_order("999999", symbol))
    call("spot cancel_all_orders", lambda: exchange.cancel_all_orders(symbol), lambda o: len(o) == 3)
    call("spot nothing open", lambda: exchange.fetch_open_orders(symbol), lambda o: o == [])
    call("spot nothing locked", exchange.fetch_balance, lambda b: b["USDT"]["used"] == 0 and b["BTC"]["used"] == 0)
    call("spot fetch_orders", lambda: exchange.fetch_orders(symbol),
         lambda o: len(o) == len([x for x in admin("orders")["orders"] if x["venue"] == "spot"]) and all(same(x) for x in o))
    call("spot fetch_closed_orders", lambda: exchange.fetch_closed_orders(symbol), lambda o: all(same(x) for x in o))
    call("spot fetch_my_trades", lambda: exchange.fetch_my_trades(symbol),
         lambda t: [int(x["id"]) for x in t] == [x["trade_id"] for x in admin("orders")["fills"] if x["venue"] == "spot"])

    refused("spot insufficient", ccxt.InsufficientFunds, "insufficient balance",
            lambda: exchange.create_order(symbol, "limit", "buy", 100, low))
    refused("spot LOT_SIZE", ccxt.InvalidOrder, -1013, lambda: exchange.private_post_order(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.0000000001"[:10]}))
    refused("spot PRICE_FILTER", ccxt.InvalidOrder, "PRICE_FILTER", lambda: exchange.private_post_order(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.00000001"}))
    refused("spot NOTIONAL", ccxt.BaseError, "NOTIONAL", lambda: exchange.private_post_order(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "1"}))
    identified = {"clientOrderId": "probe-1"}
    call("spot client id", lambda: exchange.create_order(symbol, "limit", "buy", 0.01, low, identified),
         lambda o: o["clientOrderId"] == "probe-1")
    refused("spot client id twice", ccxt.BaseError, "Duplicate order sent",
            lambda: exchange.create_order(symbol, "limit", "buy", 0.01, low, identified))
    call("spot fetch by client id", lambda: exchange.fetch_order(None, symbol, identified), same)
    call("spot cancel by client id", lambda: exchange.cancel_order(None, symbol, identified), lambda o: True)
    refused("bad symbol", ccxt.BadSymbol, -1121, lambda: exchange.public_get_klines({"symbol": "NOPE", "interval": "1m"}))
    wrong = client(ccxt.binance, defaultType="spot")
    wrong.secret = "wrong"
    wrong.markets = exchange.markets
    wrong.load_time_difference()
    refused("wrong signature", ccxt.AuthenticationError, -1022, wrong.private_get_account)
    wrong.apiKey = "unknown"
    refused("wrong key", ccxt.AuthenticationError, -2015, wrong.private_get_account)
    late = client(ccxt.binance, defaultType="spot")
    late.options["timeDifference"] = exchange.options["timeDifference"] + 60_000
    refused("stale request", ccxt.InvalidNonce, -1021, late.private_get_account)


def usd_m():
    exchange = client(ccxt.binanceusdm)
    symbol = "BTC/USDT:USDT"
    if not call("usd_m load_markets", exchange.load_markets, lambda m: m[symbol]["linear"] and m[symbol]["swap"]):
        return
    last = market_data("usd_m", exchange, symbol)
    call("usd_m fetch_ohlcv mark", lambda: exchange.fetch_mark_ohlcv(symbol, "1h", limit=5), lambda c: len(c) == 5)
    call("usd_m fetch_ohlcv index", lambda: exchange.fetch_index_ohlcv(symbol, "1h", limit=5), lambda c: len(c) == 5)
    call("usd_m fetch_funding_rate", lambda: exchange.fetch_funding_rate(symbol), lambda f: f["markPrice"] > 0)
    call("usd_m fetch_funding_rates", exchange.fetch_funding_rates, lambda f: symbol in f)
    call("usd_m fetch_funding_rate_history", lambda: exchange.fetch_funding_rate_history(symbol, limit=3), lambda f: len(f) == 3)
    call("usd_m fetch_open_interest", lambda: exchange.fetch_open_interest(symbol), lambda o: o["openInterestAmount"] > 0)
    call("usd_m fetch_leverage_tiers", lambda: exchange.fetch_leverage_tiers([symbol]),
         lambda t: t[symbol][0]["maxLeverage"] == 125 and t[symbol][1]["maintenanceMarginRate"] == 0.005)
    call("usd_m fetch_trading_fee", lambda: exchange.fetch_trading_fee(symbol), lambda f: f["taker"] == 0.0005)
    call("usd_m fetch_balance", exchange.fetch_balance, lambda b: b["USDT"]["total"] == held("usd_m", "USDT")[0])
    call("usd_m set_leverage", lambda: exchange.set_leverage(10, symbol), lambda r: r["leverage"] == "10" or r["leverage"] == 10)
    call("usd_m fetch_leverage", lambda: exchange.fetch_leverage(symbol), lambda r: r["longLeverage"] == 10)
    call("usd_m set_margin_mode", lambda: exchange.set_margin_mode("isolated", symbol), lambda r: True)
    refused("usd_m same margin mode", ccxt.BaseError, -4046, lambda: exchange.fapiprivate_post_margintype(
        {"symbol": "BTCUSDT", "marginType": "ISOLATED"}))
    call("usd_m fetch_margin_mode", lambda: exchange.fetch_margin_mode(symbol), lambda r: r["marginMode"] == "isolated")
    call("usd_m margin mode back", lambda: exchange.set_margin_mode("cross", symbol), lambda r: True)
    call("usd_m fetch_position_mode", lambda: exchange.fetch_position_mode(symbol), lambda r: r["hedged"] is False)

    opened = call("usd_m market buy", lambda: exchange.create_order(symbol, "market", "buy", 0.5),
                  lambda o: same(o) and o["status"] == "closed")
    positions = call("usd_m fetch_positions", lambda: exchange.fetch_positions([symbol]),
                     lambda p: p[0]["contracts"] == 0.5 and p[0]["side"] == "long" and p[0]["entryPrice"] > last)
    call("usd_m fetch_positions_risk", lambda: exchange.fetch_positions_risk([symbol]), lambda p: p[0]["contracts"] == 0.5)
    call("usd_m fetch_account_positions", lambda: exchange.fetch_account_positions([symbol]), lambda p: p[0]["contracts"] == 0.5)
    if positions:
        call("usd_m balance under margin", exchange.fetch_balance,
             lambda b: b["USDT"]["used"] > 0
             and abs(b["USDT"]["total"] - held("usd_m", "USDT")[0] - positions[0]["unrealizedPnl"]) < 1e-8)
    if opened:
        call("usd_m fetch_order", lambda: exchange.fetch_order(opened["id"], symbol), same)
        call("usd_m fetch_my_trades", lambda: exchange.fetch_my_trades(symbol),
             lambda t: abs(sum(x["amount"] for x in t) - 0.5) < 1e-12 and t[0]["fee"]["currency"] == "USDT")

    low, high = round(last * 0.9, 1), round(last * 1.1, 1)
    resting = call("usd_m limit buy rests", lambda: exchange.create_order(symbol, "limit", "buy", 0.01, low), same)
    call("usd_m edit_order", lambda: exchange.edit_order(resting["id"], symbol, "limit", "buy", 0.02, low - 100),
         lambda o: same(o) and o["amount"] == 0.02)
    call("usd_m GTX rests", lambda: exchange.create_order(symbol, "limit", "sell", 0.01, high, {"postOnly": True}), same)
    refused("usd_m GTX refused", ccxt.BaseError, -5022,
            lambda: exchange.create_order(symbol, "limit", "buy", 0.01, high, {"postOnly": True}))
    call("usd_m reduce only", lambda: exchange.create_order(symbol, "market", "sell", 0.1, None, {"reduceOnly": True}), same)
    refused("usd_m reduce only refused", ccxt.BaseError, -2022,
            lambda: exchange.create_order(symbol, "market", "buy", 0.1, None, {"reduceOnly": True}))
    call("usd_m fetch_open_orders", lambda: exchange.fetch_open_orders(symbol), lambda o: len(o) == 2 and all(same(x) for x in o))

    stop = call("usd_m stop market", lambda: exchange.create_order(
        symbol, "market", "sell", 0.1, None, {"stopLossPrice": low, "reduceOnly": True}),
        lambda o: o["status"] == "open" and o["triggerPrice"] == low)
    call("usd_m take profit limit", lambda: exchange.create_order(
        symbol, "limit", "sell", 0.1, high, {"takeProfitPrice": high}), lambda o: o["status"] == "open")
    call("usd_m trailing", lambda: exchange.create_order(
        symbol, "market", "sell", 0.1, None, {"trailingPercent": 1, "reduceOnly": True}), lambda o: o["status"] == "open")
    call("usd_m close position", lambda: exchange.create_order(
        symbol, "market", "sell", None, None, {"stopLossPrice": low, "closePosition": True}), lambda o: o["status"] == "open")
    refused("usd_m stop refused", ccxt.BaseError, -2021,
            lambda: exchange.create_order(symbol, "market", "sell", 0.1, None, {"stopLossPrice": high}))
    refused("usd_m stop at the old place", ccxt.BaseError, -4120, lambda: exchange.fapiprivate_post_order(
        {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.1", "stopPrice": str(low)}))
    call("usd_m open orders show no stops", lambda: exchange.fetch_open_orders(symbol), lambda o: len(o) == 2)
    call("usd_m fetch_open_orders trigger", lambda: exchange.fetch_open_orders(symbol, None, None, {"trigger": True}),
         lambda o: len(o) == 4)
    if stop:
        call("usd_m fetch_order trigger", lambda: exchange.fetch_order(stop["id"], symbol, {"trigger": True}),
             lambda o: o["id"] == stop["id"] and o["reduceOnly"])
        call("usd_m cancel_order trigger", lambda: exchange.cancel_order(stop["id"], symbol, {"trigger": True}),
             lambda o: o["id"] == stop["id"])
    call("usd_m cancel_all trigger", lambda: exchange.cancel_all_orders(symbol, {"trigger": True}), lambda o: True)
    call("usd_m no trigger left", lambda: exchange.fetch_open_orders(symbol, None, None, {"trigger": True}), lambda o: o == [])
    call("usd_m fetch_orders trigger", lambda: exchange.fetch_orders(symbol, None, None, {"trigger": True}),
         lambda o: len(o) == 4 and {x["status"] for x in o} == {"canceled"})
    call("usd_m batch", lambda: exchange.create_orders([
        {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.01, "price": low},
        {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.02, "price": low}]),
        lambda o: len(o) == 2 and all(same(x) for x in o))
    call("usd_m cancel_orders", lambda: exchange.cancel_orders(
        [x["id"] for x in exchange.fetch_open_orders(symbol)][:2], symbol), lambda o: len(o) == 2)
    call("usd_m cancel_all_orders", lambda: exchange.cancel_all_orders(symbol), lambda o: True)
    call("usd_m nothing open", lambda: exchange.fetch_open_orders(symbol), lambda o: o == [])
    call("usd_m fetch_orders", lambda: exchange.fetch_orders(symbol),
         lambda o: len(o) == len([x for x in admin("orders")["orders"] if x["venue"] == "usd_m"]) and all(same(x) for x in o))
    refused("usd_m insufficient", ccxt.BaseError, -2019, lambda: exchange.create_order(symbol, "limit", "buy", 500, low))
    refused("usd_m notional", ccxt.BaseError, -4164, lambda: exchange.create_order("ETH/USDT:USDT", "limit", "buy", 0.001, 2000))

    before = held("usd_m", "USDT")[0]
    admin("clock", {"advance_ms": 9 * 3_600_000})
    exchange.load_time_difference()
    paid = call("usd_m fetch_funding_history", lambda: exchange.fetch_funding_history(symbol),
                lambda f: len(f) >= 1 and abs(before + sum(x["amount"] for x in f) - held("usd_m", "USDT")[0]) < 1e-6)
    call("usd_m fetch_ledger", lambda: exchange.fetch_ledger("USDT"), lambda r: paid is not None and len(r) > len(paid))
    call("usd_m close", lambda: exchange.create_order(symbol, "market", "sell", 0.4, None, {"reduceOnly": True}), same)
    call("usd_m flat", lambda: exchange.fetch_positions([symbol]), lambda p: p == [])
    call("usd_m set_position_mode", lambda: exchange.set_position_mode(True, symbol), lambda r: True)
    call("usd_m hedged short", lambda: exchange.create_order(symbol, "market", "sell", 0.1, None, {"hedged": True}), same)
    call("usd_m hedged positions", lambda: exchange.fetch_positions([symbol]),
         lambda p: [(x["side"], x["contracts"]) for x in p if x["contracts"]] == [("short", 0.1)])
    call("usd_m hedged close",
         lambda: exchange.create_order(symbol, "market", "buy", 0.1, None, {"hedged": True, "reduceOnly": True}), same)


def main():
    started = time.time()
    spot()
    usd_m()
    ledger = admin("ledger")
    RESULTS.append(("ledger", ledger["ok"] and ledger["repeated_client_ids"] == [], json.dumps(ledger)[:800]))
    failed = [result for result in RESULTS if not result[1]]
    if "--json" in sys.argv:
        print(json.dumps({"ccxt": ccxt.__version__, "calls": len(RESULTS), "failed": failed}))
    else:
        for name, agrees, why in RESULTS:
            print(f"{'ok  ' if agrees else 'FAIL'} {name} {'' if agrees else why}")
        print(f"ccxt {ccxt.__version__}: {len(RESULTS) - len(failed)} of {len(RESULTS)} agree, {time.time() - started:.1f} s")
    sys.exit(1 if failed else 0)


main()
