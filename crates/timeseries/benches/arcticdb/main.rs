//! Our store, ArcticDB and raw Parquet on the same candles in one run: wall and CPU seconds, bytes at rest, and what
//! ours asks of a storage.
//!
//! `cargo xtask bench-store [--s3-delay-ms MS] [--rounds N] [--only SIDE,SIDE] [--json]`. `TRADAI_ARCTIC` is a Python that has
//! ArcticDB, pandas and pyarrow; `TRADAI_SHARED` holds the peer's script, which says what the operations are. In
//! directories ours syncs every change to the disk; ArcticDB in LMDB and raw Parquet do not. `--s3 URL` measures in
//! buckets of that server instead.
//!
//! All sides take turns for so many rounds, and the median of each counts, so that what else the machine does
//! meanwhile hits them alike.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]

mod measure;
mod ours;
mod peers;
mod place;
mod requests;
mod table;

use std::path::Path;

use peers::Peers;
use place::Places;
use table::Table;
use tradai_timeseries::files::Profile;

/// IO threads of ArcticDB where it is given more than it takes by itself.
const MANY_THREADS: u32 = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
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
    let places = Places::new(work.path(), value("--s3"));
    let rounds: u32 = value("--rounds").map_or(3, |rounds| rounds.parse().unwrap());
    let only = value("--only");
    let is_asked = |side: &str| only.as_ref().is_none_or(|only| only.split(',').any(|asked| asked == side));
    let mut table = Table::default();
    for round in 1..=rounds {
        let begin = |side: &str| {
            let is_asked = is_asked(side);
            if is_asked {
                eprintln!("round {round} of {rounds}: {side}");
            }
            is_asked
        };
        for profile in Profile::ALL.into_iter().filter(|profile| begin(profile.as_str())) {
            table.add(profile.as_str(), ours::measure(&candles, &hours, &places.new_place(), profile));
        }
        for (side, io_threads) in [("arctic", None), ("arctic/32", Some(MANY_THREADS))] {
            if begin(side) {
                table.add(side, peers.arcticdb(&candles, &places, io_threads));
            }
        }
        if begin("raw") {
            table.add("raw", peers.raw_parquet(&candles, &places.new_place()));
        }
    }
    let requests = requests::count(&candles);
    if arguments.iter().any(|argument| argument == "--json") {
        println!("{}", table.json(&requests));
    } else {
        println!("{}{}", table.text(), requests::text(&requests));
    }
}
