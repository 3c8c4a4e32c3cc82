"""What the peer's own script leaves out: raw Parquet, the hourly candles of the batch, ArcticDB's bytes at rest.

usage: python peers.py hours FOLDER                  200 files of hourly candles, the same as the script's batch
       python peers.py raw candles.parquet FOLDER    the script's operations on zstd Parquet files, as JSON
       python peers.py bytes candles.parquet URI     writes the candles into a new library and nothing else

PYTHONPATH must lead to arcticdb_bench.py, whose candles and clock are used.
"""
import json
import os
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
from arcticdb_bench import candles, measure
from datetime import datetime, timezone

DAY = 1440


def hours(folder):
    for i in range(200):
        candles(8760, "1h", seed=i).reset_index().to_parquet(f"{folder}/S{i}.parquet", index=False)


def raw(path, folder):
    def write(rows, name):
        pq.write_table(rows, f"{folder}/{name}", compression="zstd")

    def read(name, start=None, end=None):
        bounds = [("timestamp", ">=", start), ("timestamp", "<", end)] if start else None
        return pq.read_table(f"{folder}/{name}", filters=bounds)

    def at(month, day):
        return datetime(2022, month, day, tzinfo=timezone.utc)

    table = pq.read_table(path)
    out = {"rows": len(table)}
    measure("write", lambda: write(table, "s.parquet"), out, 3)
    out["bytes"] = os.path.getsize(f"{folder}/s.parquet")
    measure("read", lambda: read("s.parquet"), out)
    measure("read_month", lambda: read("s.parquet", at(6, 1), at(7, 1)), out, 15)
    measure("read_day", lambda: read("s.parquet", at(6, 15), at(6, 16)), out, 31)
    os.mkdir(f"{folder}/a")
    start = time.perf_counter()
    for i in range(365):
        write(table.slice(i * DAY, DAY), f"a/{i:03}.parquet")
    out["append_day_mean_s"] = round((time.perf_counter() - start) / 365, 5)
    measure("read_after_365_appends", lambda: read("a"), out)
    write(table.slice(0, 365 * DAY), "b.parquet")
    measure("read_same_rows_one_write", lambda: read("b.parquet"), out)
    batch = [pa.Table.from_pandas(candles(8760, "1h", seed=i).reset_index()) for i in range(200)]
    measure("write_batch_200", lambda: [write(rows, f"h{i}.parquet") for i, rows in enumerate(batch)], out, 1, 0)
    measure("read_batch_200", lambda: [read(f"h{i}.parquet") for i in range(200)], out, 3)
    print(json.dumps(out))


def only_write(path, uri):
    import arcticdb as adb
    import pandas as pd

    adb.Arctic(uri).create_library("bytes").write("s", pd.read_parquet(path).set_index("timestamp"))


if __name__ == "__main__":
    {"hours": hours, "raw": raw, "bytes": only_write}[sys.argv[1]](*sys.argv[2:])
