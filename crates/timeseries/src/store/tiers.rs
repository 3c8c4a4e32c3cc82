//! When small files are merged.
//!
//! An append leaves a small file of its own behind the others of its period, so that it costs the same however
//! many came before. Files of one size class are merged when there are four of them, as in a log-structured
//! merge tree: a row is rewritten once per class, and an open period of one-minute candles has at most some
//! twenty files. A period that an append leaves behind is sealed into one file.

/// Files of one class at which they are merged.
const FANOUT: usize = 4;

/// Returns where, in the files at the end of a period (their row counts, in order of time), merging with
/// `new_rows` more rows begins; the number of files when nothing is merged.
pub(crate) fn merge_from(rows: &[u64], new_rows: u64) -> usize {
    let mut start = rows.len();
    let mut merged = new_rows;
    loop {
        let class = class_of(merged);
        let run = rows[..start].iter().rev().take_while(|&&rows| class_of(rows) <= class).count();
        if run + 1 < FANOUT {
            return start;
        }
        merged += rows[start - run..start].iter().sum::<u64>();
        start -= run;
    }
}

/// Returns the power of four below a number of rows.
fn class_of(rows: u64) -> u32 {
    rows.max(1).ilog2() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append_all(appends: u64, rows: u64) -> (usize, u64) {
        let (mut files, mut most, mut rewritten): (Vec<u64>, usize, u64) = (Vec::new(), 0, 0);
        for _ in 0..appends {
            let start = merge_from(&files, rows);
            let merged: u64 = files.drain(start..).sum();
            rewritten += merged;
            files.push(merged + rows);
            most = most.max(files.len());
        }
        assert_eq!(files.iter().sum::<u64>(), appends * rows);
        (most, rewritten / (appends * rows))
    }

    #[test]
    fn few_files_and_few_rewrites() {
        // One-minute candles of a month, a minute, an hour and a day at a time.
        let (most, rewrites) = append_all(44_640, 1);
        assert!(most <= 24 && rewrites <= 8, "{most} {rewrites}");
        let (most, rewrites) = append_all(744, 60);
        assert!(most <= 15 && rewrites <= 5, "{most} {rewrites}");
        let (most, rewrites) = append_all(31, 1_440);
        assert!(most <= 9 && rewrites <= 3, "{most} {rewrites}");
    }

    #[test]
    fn merging_stops_where_files_grow() {
        assert_eq!(merge_from(&[], 5), 0);
        assert_eq!(merge_from(&[40_000, 1, 1], 1), 3);
        assert_eq!(merge_from(&[40_000, 1, 1, 1], 1), 1);
        assert_eq!(merge_from(&[4, 4, 4, 1, 1, 1], 1), 0);
    }
}
