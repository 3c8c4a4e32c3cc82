"""Websocket calls of Python CCXT (ccxt.pro) against a running sandbox, compared with what REST says.

Usage: ccxt_pro_probe.py URL. The sandbox must replay BTC/USDT and its perpetual, with stepped time.
"""

import asyncio
import json
import sys
import urllib.request

import ccxt.pro as ccxt

BASE = sys.argv[1]
RESULTS = []


def admin(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{BASE}/_sandbox/{path}", data=data)) as reply:
        return json.load(reply)


def redirect(urls, websocket=False):
    if isinstance(urls, dict):
        return {key: redirect(value, websocket or key == "ws") for key, value in urls.items()}
    if not isinstance(urls, str) or "://" not in urls:
        return urls
    host, _, path = urls.split("://", 1)[1].partition("/")
    if websocket:
        # CCXT tells spot from futures by the address.
        label = host.split(".")[0]
        prefix = "/" + label if label in ("stream", "fstream") and path == "ws" else ""
        return BASE.replace("http", "ws") + prefix + "/" + path
    return BASE + "/" + path


async def step(task, millis):
    """Moves time on in small steps until a watch answers."""
    waiting = asyncio.ensure_future(task)
    for _ in range(100):
        done, _ = await asyncio.wait([waiting], timeout=0.15)
        if done:
            return waiting.result()
        await asyncio.to_thread(admin, "clock", {"advance_ms": millis})
    waiting.cancel()
    raise TimeoutError("nothing came")


async def call(name, task, check=lambda result: True, millis=30_000):
    try:
        result = await step(task, millis)
        agrees = check(result)
        if asyncio.iscoroutine(agrees):
            agrees = await agrees
        RESULTS.append((name, bool(agrees), "" if agrees else str(result)[:500]))
    except Exception as error:  # noqa: BLE001
        RESULTS.append((name, False, f"{type(error).__name__}: {str(error)[:400]}"))


async def market(name, exchange, symbol):
    async def candle_is_rest(rows):
        rest = await exchange.fetch_ohlcv(symbol, "5m", rows[-1][0], 1)
        return rest[0][:4] == rows[-1][:4]

    await call(f"{name} watch_ohlcv", exchange.watch_ohlcv(symbol, "5m"), candle_is_rest)
    await call(f"{name} watch_trades", exchange.watch_trades(symbol),
               lambda trades: all(int(b["id"]) == int(a["id"]) + 1 for a, b in zip(trades, trades[1:])))
    await call(f"{name} watch_ticker", exchange.watch_ticker(symbol, {"name": "miniTicker"}), lambda t: t["last"] > 0)
    await call(f"{name} watch_bids_asks", exchange.watch_bids_asks([symbol]), lambda t: t[symbol]["bid"] < t[symbol]["ask"])

    async def book_is_rest(_):
        # A few more updates on top of the snapshot, then both must be the same.
        for _ in range(4):
            book = await step(exchange.watch_order_book(symbol, 100), 30_000)
        await asyncio.sleep(0.3)
        rest = await exchange.fetch_order_book(symbol, 100)
        book = exchange.orderbooks[symbol]
        return [list(b) for b in book["bids"]][:20] == rest["bids"][:20] and book["nonce"] == rest["nonce"]

    await call(f"{name} watch_order_book", exchange.watch_order_book(symbol, 100), book_is_rest)


async def main():
    keys = {"apiKey": "sandbox-key", "secret": "sandbox-secret", "enableRateLimit": False}
    for name, kind, symbol in (("spot", ccxt.binance, "BTC/USDT"), ("usd_m", ccxt.binanceusdm, "BTC/USDT:USDT")):
        exchange = kind({**keys, "options": {"adjustForTimeDifference": True}})
        exchange.urls["api"] = redirect(exchange.urls["api"])
        try:
            await exchange.load_time_difference()
            await exchange.load_markets()
            await market(name, exchange, symbol)
            if name == "usd_m":
                await call("usd_m watch_mark_price", exchange.watch_mark_price(symbol), lambda t: t["markPrice"] > 0)
                await exchange.load_time_difference()
                watching = asyncio.ensure_future(exchange.watch_orders(symbol))
                await asyncio.sleep(0.8)
                placed = await exchange.create_order(symbol, "market", "buy", 0.1)
                orders = await asyncio.wait_for(watching, 10)
                RESULTS.append(("usd_m watch_orders", orders[-1]["id"] == placed["id"], str(orders)[:300]))
        except Exception as error:  # noqa: BLE001
            RESULTS.append((f"{name} session", False, f"{type(error).__name__}: {str(error)[:400]}"))
        await exchange.close()
    failed = [result for result in RESULTS if not result[1]]
    for result_name, agrees, why in RESULTS:
        print(f"{'ok  ' if agrees else 'FAIL'} {result_name} {'' if agrees else why}")
    print(f"ccxt.pro {ccxt.__version__}: {len(RESULTS) - len(failed)} of {len(RESULTS)} agree")
    sys.exit(1 if failed else 0)


asyncio.run(main())
