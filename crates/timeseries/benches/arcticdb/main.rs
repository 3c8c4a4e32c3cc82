//! Our store, ArcticDB and raw Parquet on the same candles in one run: wall and CPU seconds, bytes at rest.
//!
//! `cargo xtask bench-store` (or `cargo bench -p tradai-timeseries --bench arcticdb`) `[--json]`. `TRADAI_ARCTIC`
//! is a Python that has ArcticDB, pandas and pyarrow; `TRADAI_SHARED` holds the peer's script, which says what
//! the operations are. Ours syncs every change to the disk; ArcticDB in LMDB and raw Parquet do not.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]

mod measure;
mod ours;
mod peers;
mod table;

use std::path::Path;

use peers::Peers;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let peers = match Peers::find() {
        Ok(peers) => peers,
        Err(why) => {
            println!("skipped: {why}");
            return;
        }
    };
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-store");
    std::fs::create_dir_all(&kept).unwrap();
    let (candles, hours) = (peers.candles(&kept), peers.hours(&kept));
    let work = tempfile::tempdir_in(&kept).unwrap();
    let ours = ours::measure(&candles, &hours, &work.path().join("ours"));
    let arcticdb = peers.arcticdb(&candles, &work.path().join("arcticdb"));
    let raw = peers.raw_parquet(&candles, &work.path().join("raw"));
    let shown = if json { table::json(&ours, &arcticdb, &raw) } else { table::text(&ours, &arcticdb, &raw) };
    println!("{shown}");
}
