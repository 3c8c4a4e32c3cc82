//! Candles of one exchange.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tradai_domain::ports::{
    Absence, CandleRepository, Committed, PortError, SeriesNotes, Snapshot, Span, StoredCandles,
    StoredSeries, StoredSeriesList, StoredVersion, VersionChoice,
};
use tradai_domain::{CandleSeries, ErrorKind, SeriesKey, TimeRange};

use super::port_error;
use crate::candle_store::CandleStore;
use crate::error::Error;
use crate::store::{AsOf, Commit, Metadata, MetadataPatch, Op, SOURCE, SYNTHETIC, SeriesInfo, SnapshotInfo};

/// Metadata key: the exchange that candles were collected from.
const EXCHANGE: &str = "exchange";

/// Metadata key: where the exchange has no candles, as `[start, end, noted]` in milliseconds.
const ABSENT: &str = "absent";

/// Changes that are made at the same time. Each holds its rows several times while they are merged and encoded, which
/// takes a processor, so that more at once would take more memory and no less time.
const CHANGES: usize = 2;

/// [`CandleRepository`] over a store.
#[derive(Debug, Clone)]
pub struct StoreRepository {
    store: CandleStore,
    changes: Arc<Semaphore>,
}

impl StoreRepository {
    /// Returns the repository of a store, which should hold candles of one exchange only.
    #[must_use]
    pub fn new(store: CandleStore) -> Self {
        Self { store, changes: Arc::new(Semaphore::new(CHANGES)) }
    }

    /// Runs an operation of the store where it may take its time.
    async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&CandleStore) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, PortError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || operation(&store)).await;
        let done = done.map_err(|_| PortError::new(ErrorKind::Internal, "the candle store failed"))?;
        done.map_err(|error| port_error(&error))
    }

    async fn change(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        notes: &SeriesNotes,
        replaces: bool,
    ) -> Result<Committed, PortError> {
        // Goes with the work, not with this future: whoever stops waiting does not stop the work.
        let turn = self.changes.clone().acquire_owned().await;
        let (key, candles, notes) = (key.clone(), candles.clone(), notes.clone());
        self.run(move |store| {
            let _turn = turn;
            let patch = patch_of(&notes);
            let commit = if replaces {
                store.upsert(&key, &candles, patch)
            } else {
                store.append(&key, &candles, patch)
            };
            commit.map(committed)
        })
        .await
    }
}

#[async_trait]
impl CandleRepository for StoreRepository {
    async fn find(
        &self,
        key: &SeriesKey,
        version: &VersionChoice,
    ) -> Result<Option<StoredSeries>, PortError> {
        let (key, as_of) = (key.clone(), as_of(version));
        self.run(move |store| Ok(store.info(&key, as_of)?.map(stored_series))).await
    }

    async fn list(&self) -> Result<StoredSeriesList, PortError> {
        let mut listing = self.run(CandleStore::list).await?;
        listing.series.sort_unstable_by(|some, other| some.key.cmp(&other.key));
        Ok(StoredSeriesList {
            series: listing.series.into_iter().map(stored_series).collect(),
            damaged: listing.damaged.iter().map(|error| port_error(error).message).collect(),
        })
    }

    async fn read(
        &self,
        key: &SeriesKey,
        span: Span,
        version: &VersionChoice,
    ) -> Result<Option<StoredCandles>, PortError> {
        let (key, as_of) = (key.clone(), as_of(version));
        let read = self.run(move |store| store.read(&key, TimeRange::from(span), as_of)).await?;
        Ok(read.map(|read| StoredCandles {
            candles: read.series,
            version: read.version,
            data_hash: read.data_hash,
            synthetic: read.synthetic,
        }))
    }

    async fn append(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        notes: &SeriesNotes,
    ) -> Result<Committed, PortError> {
        self.change(key, candles, notes, false).await
    }

    async fn upsert(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        notes: &SeriesNotes,
    ) -> Result<Committed, PortError> {
        self.change(key, candles, notes, true).await
    }

    async fn versions(&self, key: &SeriesKey) -> Result<Vec<StoredVersion>, PortError> {
        let key = key.clone();
        let versions = self.run(move |store| store.versions(&key)).await?;
        let stored = versions.into_iter().map(|version| StoredVersion {
            version: version.version,
            committed: version.committed,
            operation: version.op.map(operation),
            rows: version.rows,
        });
        Ok(stored.collect())
    }

    async fn restore(&self, key: &SeriesKey, version: u64) -> Result<Committed, PortError> {
        let key = key.clone();
        self.run(move |store| store.restore(&key, version).map(committed)).await
    }

    async fn create_snapshot(&self, name: &str, keys: Option<&[SeriesKey]>) -> Result<Snapshot, PortError> {
        let (name, keys) = (name.to_owned(), keys.map(<[SeriesKey]>::to_vec));
        self.run(move |store| store.snapshot(&name, keys.as_deref(), None).map(snapshot)).await
    }

    async fn snapshots(&self) -> Result<Vec<Snapshot>, PortError> {
        let found = self.run(CandleStore::snapshots).await?;
        Ok(found.snapshots.into_iter().map(snapshot).collect())
    }

    async fn ping(&self) -> Result<(), PortError> {
        // There is none of this name: one request that finds nothing.
        self.run(|store| store.find_tables("ping").map(drop)).await
    }
}

fn as_of(version: &VersionChoice) -> AsOf {
    match version {
        VersionChoice::Latest => AsOf::Latest,
        VersionChoice::Number(number) => AsOf::Version(*number),
        VersionChoice::AsOf(moment) => AsOf::Time(*moment),
        VersionChoice::Snapshot(name) => AsOf::Snapshot(name.as_str().into()),
    }
}

fn operation(op: Op) -> &'static str {
    match op {
        Op::Write => "write",
        Op::Append => "append",
        Op::Upsert => "upsert",
        Op::ReplaceRange => "replace_range",
        Op::Delete => "delete",
        Op::Restore => "restore",
    }
}

fn committed(commit: Commit) -> Committed {
    Committed { version: commit.version, changed: commit.changed, rows: commit.rows }
}

fn snapshot(info: SnapshotInfo) -> Snapshot {
    Snapshot { name: info.name, created: info.created, versions: info.symbols.into_iter().collect() }
}

fn stored_series(info: SeriesInfo) -> StoredSeries {
    let step = info.key.timeframe.millis();
    let hole = |gap: &crate::store::Gap| {
        let length = step.saturating_mul(i64::try_from(gap.missing).unwrap_or(0));
        Span::new(gap.start, gap.start.saturating_add(length))
    };
    StoredSeries {
        version: info.version,
        committed: info.committed,
        ends: info.span,
        rows: info.rows,
        bytes: info.bytes,
        holes: info.gaps.iter().map(hole).collect(),
        data_hash: info.data_hash,
        synthetic: info.synthetic,
        notes: notes_of(&info.metadata),
        key: info.key,
    }
}

/// Reads the notes; what somebody else left under our keys and means nothing to us is passed over, since all it can
/// cost is asking the exchange once more.
#[must_use]
pub fn notes_of(metadata: &Metadata) -> SeriesNotes {
    let absence = |item: &Value| {
        let &[start, end, noted] =
            item.as_array()?.iter().map(Value::as_i64).collect::<Option<Vec<_>>>()?.as_slice()
        else {
            return None;
        };
        Some(Absence { span: Span::new(start, end), noted }).filter(|absence| !absence.span.is_empty())
    };
    let exchange = metadata.get(EXCHANGE).and_then(Value::as_str).and_then(|key| key.parse().ok());
    let listed = metadata.get(ABSENT).and_then(Value::as_array);
    let mut absent: Vec<Absence> = listed.into_iter().flatten().filter_map(absence).collect();
    absent.sort_unstable_by_key(|absence| absence.span);
    SeriesNotes { exchange, absent }
}

/// Returns what the notes change: what users noted stays, whenever they did.
fn patch_of(notes: &SeriesNotes) -> MetadataPatch {
    let mut patch = MetadataPatch { remove: vec![ABSENT.to_owned()], ..MetadataPatch::default() };
    if let Some(exchange) = &notes.exchange {
        patch.set.insert(EXCHANGE.to_owned(), json!(exchange.as_str()));
        patch.default.insert(SOURCE.to_owned(), json!("sync"));
        // What an exchange sent is real, save the sandbox's; the store never adds one to the other.
        if exchange.is_sandbox() {
            patch.set.insert(SYNTHETIC.to_owned(), json!(true));
        } else {
            patch.remove.push(SYNTHETIC.to_owned());
        }
    }
    if !notes.absent.is_empty() {
        let item = |absence: &Absence| json!([absence.span.start, absence.span.end, absence.noted]);
        patch.set.insert(ABSENT.to_owned(), notes.absent.iter().map(item).collect());
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> Metadata {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn notes_come_back_and_leave_what_users_noted() {
        let absent = vec![Absence { span: Span::new(0, 10), noted: 99 }];
        let notes = SeriesNotes { exchange: "binance".parse().ok(), absent };
        let stored = patch_of(&notes).apply(metadata(r#"{"note": "mine", "source": "import"}"#));
        assert_eq!(notes_of(&stored), notes);
        assert_eq!((&stored["note"], &stored["source"]), (&json!("mine"), &json!("import")));
    }

    #[test]
    fn what_a_sandbox_sent_is_labelled() {
        for (exchange, labelled) in [("binance", false), ("sandbox", true), ("sandbox_futures", true)] {
            let notes = SeriesNotes { exchange: exchange.parse().ok(), absent: Vec::new() };
            let stored = patch_of(&notes).apply(metadata(r#"{"synthetic": true}"#));
            assert_eq!(crate::store::is_synthetic(&stored), labelled, "{exchange}");
        }
    }

    #[test]
    fn hostile_notes_are_passed_over() {
        let hostile =
            r#"{"exchange": "../x", "absent": [[1], [9, 3, 1], "x", [5, 7, 1], [1, 2, 3, 4], null]}"#;
        let found = notes_of(&metadata(hostile));
        assert_eq!((found.exchange, found.absent.len()), (None, 1));
    }
}
