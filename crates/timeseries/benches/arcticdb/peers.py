"""What the peer's own script leaves out: raw Parquet, the hourly candles of the batch, ArcticDB's bytes at rest and
reads whose results are kept.

usage: python peers.py hours FOLDER                  200 files of hourly candles, the same as the script's batch
       python peers.py raw candles.parquet FOLDER    the script's operations on zstd Parquet files, as JSON;
                                                     http://HOST/BUCKET is a folder, too
       python peers.py more candles.parquet URI      writes the candles into a new library of ArcticDB and nothing
                                                     else; reads them and keeps what was read

PYTHONPATH must lead to arcticdb_bench.py, whose candles and clock are used.
"""
import json
import sys
import time

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq
from arcticdb_bench import candles, measure
from datetime import datetime, timezone

DAY = 1440


def hours(folder):
    for i in range(200):
        candles(8760, "1h", seed=i).reset_index().to_parquet(f"{folder}/S{i}.parquet", index=False)


def storage(folder):
    """The file system of a folder or of http://HOST/BUCKET, and the path in it."""
    if not folder.startswith("http://"):
        return fs.LocalFileSystem(), folder
    host, bucket = folder.removeprefix("http://").split("/")
    return fs.S3FileSystem(access_key="x", secret_key="x", scheme="http", endpoint_override=host), bucket


def raw(path, folder):
    files, folder = storage(folder)

    def write(rows, name):
        pq.write_table(rows, f"{folder}/{name}", compression="zstd", filesystem=files)

    def read(name, start=None, end=None):
        bounds = [("timestamp", ">=", start), ("timestamp", "<", end)] if start else None
        return pq.read_table(f"{folder}/{name}", filters=bounds, filesystem=files)

    def at(month, day):
        return datetime(2022, month, day, tzinfo=timezone.utc)

    table = pq.read_table(path)
    out = {"rows": len(table)}
    measure("write", lambda: write(table, "s.parquet"), out, 3)
    out["bytes"] = files.get_file_info(f"{folder}/s.parquet").size
    measure("read", lambda: read("s.parquet"), out)
    kept = []
    measure("read_kept", lambda: kept.append(read("s.parquet")), out, 5, 0)
    kept.clear()
    measure("read_month", lambda: read("s.parquet", at(6, 1), at(7, 1)), out, 15)
    measure("read_day", lambda: read("s.parquet", at(6, 15), at(6, 16)), out, 31)
    files.create_dir(f"{folder}/a")
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


def more(path, uri):
    import arcticdb as adb
    import pandas as pd

    library = adb.Arctic(uri).create_library("more")
    library.write("s", pd.read_parquet(path).set_index("timestamp"))
    kept, out = [], {}
    measure("read_kept", lambda: kept.append(library.read("s").data), out, 5, 0)
    print(json.dumps(out))


if __name__ == "__main__":
    {"hours": hours, "raw": raw, "more": more}[sys.argv[1]](*sys.argv[2:])
