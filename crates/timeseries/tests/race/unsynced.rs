//! A disk that does not take what is to reach it: whatever is acknowledged was synced, or is refused here.
//!
//! A process of its own is made unable to sync, as on a disk that breaks. Were candles merely handed to the system,
//! nothing would notice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tradai_domain::TimeRange;
use tradai_testkit::unsynced::{all_was_refused, folder, refused, run, stop_syncing};
use tradai_timeseries::AsOf;

use crate::{START, candles, open, series};

/// The objects in a folder; what is still being written has a `#` in its name.
fn objects(folder: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().contains('#') => {}
                false => drop(found.insert(path)),
            }
        }
    }
    found
}

/// Started by the next test.
#[test]
#[ignore = "a process that another test starts"]
fn unsynced() {
    let Some(folder) = folder() else { return };
    let store = open(&folder);
    let (here, new) = (series("BTC"), series("ETH"));
    let minutes =
        |from: i64, to: i64| TimeRange { start: Some(START + from * 60_000), end: Some(START + to * 60_000) };
    store.append(&here, &candles((0..10).map(|minute| (minute, 1.0))), None).unwrap();
    store.append(&here, &candles([(10, 1.0)]), None).unwrap();
    let before = objects(&folder);
    if !stop_syncing() {
        return;
    }
    refused("the first candles of a series", store.append(&new, &candles([(0, 1.0)]), None));
    refused("newer candles", store.append(&here, &candles([(11, 1.0)]), None));
    refused("corrected candles", store.upsert(&here, &candles([(3, 2.0)]), None));
    // Files come before the version that names them: none has its name yet.
    assert_eq!(objects(&folder), before, "a file took its name before it was on the disk");
    refused("a deletion of candles", store.delete_range(&here, minutes(2, 4)));
    // These write a version, and no candles.
    refused("an earlier version", store.restore(&here, 1));
    refused("the end of a series", store.delete(&here));
    refused("a snapshot", store.snapshot("kept", None, None));
    let read = store.read(&here, TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
    assert_eq!((read.version, read.series.len()), (2, 11), "nobody sees what was refused");
    assert!(store.read(&new, TimeRange::ALL, AsOf::Latest).unwrap().is_none());
    all_was_refused();
}

#[test]
fn what_is_acknowledged_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    run("unsynced::unsynced", folder.path());
}
