//! Committing: data first, then the next manifest by create-if-absent, then the hint.
//!
//! The creation is the commit; what surrounds it makes sure that it counts. Before it, what the writer began with
//! must be so young that collectors still leave its files alone while its number is free. After it, no collector
//! may have released the number already: a writer that slept for days could otherwise take the number of a
//! version that is long gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use futures_util::{StreamExt, TryStreamExt, stream};
use tradai_domain::{CandleSeries, Millis, SeriesKey, TimeRange};

use super::cache::is_recent;
use super::change::{Base, Change, Plan};
use super::data::NewFile;
use super::head::{Stored, damaged, layout_of};
use super::layout::SymbolLayout;
use super::manifest::{FORMAT, HISTORY, Manifest, Parent, Past, tag_of};
use super::objects::Created;
use super::rows::{CandleFormat, Rows};
use super::types::{Commit, Metadata, MetadataChange};
use super::{CONCURRENCY, Store};
use crate::error::{Damage, Error};

/// Attempts before giving up. Each lost attempt means that another writer got on, so that as many writers
/// may race for one symbol as this and all of them succeed.
const MAX_ATTEMPTS: u32 = 256;

/// Attempts that may take longer than [`super::cache::TRUST_MS`].
const MAX_SLOW_ATTEMPTS: u32 = 3;

/// How often one manifest is sent when the storage fails and does not have it afterwards.
const MAX_SENDS: u32 = 3;

/// Longest pause between two attempts.
const MAX_PAUSE_MS: u64 = 500;

/// What became of a manifest that was sent.
enum Sent {
    /// It is the version now.
    Ours,
    /// Another writer was first.
    Theirs,
    /// It took the number of a version that is long gone, and counts for nothing.
    Stale,
}

/// What one attempt to commit has made so far.
struct Attempt {
    commit_id: String,
    /// When it began; everything that it relies on was read or stored after that.
    since: Millis,
    /// Keys of the files that are stored.
    uploaded: BTreeSet<String>,
}

/// What a new version follows.
struct Follow {
    head: Option<Arc<Stored>>,
    /// Number of the new version.
    number: u64,
    /// Whether `head` is not the version before, which is damaged.
    over_damage: bool,
}

impl Follow {
    fn after(head: Arc<Stored>) -> Self {
        let number = head.manifest.version + 1;
        Self { head: Some(head), number, over_damage: false }
    }
}

impl Store {
    /// Makes a new version that holds just these candles, even when the newest is damaged. Nothing is made when
    /// the newest version holds just them already, cut into the same files and intact. Without metadata the old version's is kept.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::TooSlow`], [`Error::Storage`], [`Error::UnknownOutcome`], [`Error::Damaged`], [`Error::BadTime`],
    /// [`Error::Unsorted`]; [`Error::OtherProfile`] when another profile was asked for than the store has.
    pub async fn write(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.commit_candles(key, Change::Write(candles), metadata.into()).await
    }

    /// Adds candles, wherever in time they lie. Those that are stored already must be identical, so that a
    /// repeated append changes nothing. Without candles the notes alone may change, unless there is no such series.
    ///
    /// # Errors
    /// [`Error::Conflict`] naming the first differing candle, [`Error::MixedLabels`], and those of
    /// [`Store::write`].
    pub async fn append(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: impl Into<MetadataChange>,
    ) -> Result<Commit, Error> {
        self.commit_candles(key, Change::Append(candles), metadata.into()).await
    }

    /// Adds candles; a stored candle with the same open time gives way.
    ///
    /// # Errors
    /// [`Error::MixedLabels`] and those of [`Store::write`].
    pub async fn upsert(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: impl Into<MetadataChange>,
    ) -> Result<Commit, Error> {
        self.commit_candles(key, Change::Upsert(candles), metadata.into()).await
    }

    /// Puts candles in the place of all stored ones that open in `range`; no candles remove the range.
    ///
    /// # Errors
    /// [`Error::OutsideRange`], [`Error::MixedLabels`] and those of [`Store::write`].
    pub async fn replace_range(
        &self,
        key: &SeriesKey,
        range: TimeRange,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.commit_candles(key, Change::ReplaceRange(range, candles), metadata.into()).await
    }

    /// Deletes the candles that open in `range`. Earlier versions keep them until they are pruned.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub async fn delete_range(&self, key: &SeriesKey, range: TimeRange) -> Result<Commit, Error> {
        self.replace_range(key, range, &CandleSeries::default(), None).await
    }

    /// Deletes a series: it is no longer listed or read. Its earlier versions stay readable by number until
    /// they are pruned, and a later write continues their numbers.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub async fn delete(&self, key: &SeriesKey) -> Result<Commit, Error> {
        self.commit_candles(key, Change::Delete, MetadataChange::Keep).await
    }

    /// Makes an earlier version the newest again, even when the newest is damaged.
    ///
    /// # Errors
    /// [`Error::NoVersion`]; [`Error::Damaged`] when the earlier version is damaged too; those of
    /// [`Store::write`].
    pub async fn restore(&self, key: &SeriesKey, version: u64) -> Result<Commit, Error> {
        let layout = layout_of(key)?;
        // Files are restored as they are.
        let outcome = self.try_restore::<CandleSeries>(&layout, &CandleFormat::to_read(key), version).await;
        self.with_readable(&layout, outcome).await
    }

    pub(crate) async fn try_restore<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        version: u64,
    ) -> Result<Commit, Error> {
        let old = self.resolve(layout, &super::AsOf::Version(version)).await?;
        let Some(old) = old else { return Err(Error::NoSeries { symbol: layout.symbol().to_owned() }) };
        let outcome =
            self.try_commit::<R>(layout, format, &Change::Restore(old), &MetadataChange::Keep).await;
        if let Err(Error::Damaged { damage: Damage::Missing, .. }) = outcome {
            // Perhaps it is not damaged, but was released and collected meanwhile.
            self.resolve(layout, &super::AsOf::Version(version)).await?;
        }
        outcome
    }

    async fn commit_candles(
        &self,
        key: &SeriesKey,
        change: Change<'_, CandleSeries>,
        metadata: MetadataChange,
    ) -> Result<Commit, Error> {
        let layout = layout_of(key)?;
        if let Some(candles) = change.rows() {
            check_order(layout.symbol(), candles.open_time())?;
        }
        let format = CandleFormat { key: key.clone(), profile: self.candle_profile().await? };
        self.commit(&layout, &format, &change, &metadata).await
    }

    /// Commits a change; the error of a damaged object says which versions are intact.
    pub(crate) async fn commit<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        change: &Change<'_, R>,
        metadata: &MetadataChange,
    ) -> Result<Commit, Error> {
        let outcome = self.try_commit(layout, format, change, metadata).await;
        self.with_readable(layout, outcome).await
    }

    async fn try_commit<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        change: &Change<'_, R>,
        metadata: &MetadataChange,
    ) -> Result<Commit, Error> {
        let mut attempt = self.new_attempt();
        let mut too_slow = 0;
        // A remembered head saves a question: if it is not the newest any more, the creation says so.
        let mut remembered = self.cache.head(layout, self.now()).map(|(head, _)| head);
        for tries in 0..MAX_ATTEMPTS {
            let is_certain = remembered.is_none();
            let Follow { head, number, over_damage } = match remembered.take() {
                Some(head) => Follow::after(head),
                None => self.head_to_follow(layout, change).await?,
            };
            let parent = head.as_deref().map(|head| &head.manifest);
            let base = Base { head: parent, over_damage };
            let plan = match self.plan(layout, format, base, change, metadata, &attempt.commit_id).await {
                Ok(Some(plan)) => plan,
                Ok(None) if is_certain => {
                    let (version, rows) = parent.map_or((0, 0), |head| (head.version, head.rows()));
                    return Ok(Commit { version, changed: false, rows });
                }
                Err(_) if !is_recent(attempt.since, self.now()) => {
                    // Files of a version that was the newest may have been collected since.
                    attempt = self.attempt_after(layout, &mut too_slow)?;
                    continue;
                }
                Err(error) if is_certain => return Err(error),
                Ok(None) | Err(_) => continue,
            };
            let plan = self.upload(layout, plan, &mut attempt).await?;
            if !is_recent(attempt.since, self.now()) {
                // What was read may be gone by now, and what was stored be taken for garbage.
                attempt = self.attempt_after(layout, &mut too_slow)?;
                continue;
            }
            let next = Next { number, now: self.now(), commit_id: &attempt.commit_id, op: change.op() };
            let of = (layout.symbol(), R::series(format));
            let next = next_manifest(next, of, head.as_deref(), plan);
            // Invariant: nothing that overlaps or lies outside its period is ever committed, rebased or not.
            next.check().map_err(|damage| damaged(&layout.manifest(next.version), damage))?;
            match self.send(layout, &next).await? {
                Sent::Ours => {
                    return Ok(Commit { version: next.version, changed: true, rows: next.rows() });
                }
                Sent::Theirs => self.pause(tries).await,
                Sent::Stale => attempt = self.new_attempt(),
            }
        }
        Err(Error::Busy { symbol: layout.symbol().to_owned(), attempts: MAX_ATTEMPTS })
    }

    /// Begins anew after an attempt that took too long. Who sleeps does so once; who is slow always is, and would
    /// store the same files again and again.
    fn attempt_after(&self, layout: &SymbolLayout, too_slow: &mut u32) -> Result<Attempt, Error> {
        *too_slow += 1;
        if *too_slow < MAX_SLOW_ATTEMPTS {
            return Ok(self.new_attempt());
        }
        Err(Error::TooSlow { symbol: layout.symbol().to_owned(), attempts: *too_slow })
    }

    fn new_attempt(&self) -> Attempt {
        Attempt { commit_id: self.next_id(), since: self.now(), uploaded: BTreeSet::new() }
    }

    /// Returns the version to build upon and the number of the next. What needs no row of the newest version
    /// goes past one that is damaged.
    async fn head_to_follow<R: Rows>(
        &self,
        layout: &SymbolLayout,
        change: &Change<'_, R>,
    ) -> Result<Follow, Error> {
        let needs_rows = matches!(change, Change::Append(_) | Change::Upsert(_) | Change::ReplaceRange(..));
        match self.head(layout).await {
            Err(Error::Damaged { .. }) if !needs_rows => Ok(Follow {
                head: self.newest_intact(layout).await?,
                number: self.newest_number(layout).await?.unwrap_or(0) + 1,
                over_damage: true,
            }),
            head => Ok(head?.map_or(Follow { head: None, number: 1, over_damage: false }, Follow::after)),
        }
    }

    /// Stores the new files of a plan, several at a time.
    async fn upload(
        &self,
        layout: &SymbolLayout,
        mut plan: Plan,
        attempt: &mut Attempt,
    ) -> Result<Plan, Error> {
        let mut files: Vec<NewFile> = std::mem::take(&mut plan.new_files);
        // The name is told from content and commit: what was stored for a lost attempt serves the next one.
        files.retain(|file| !attempt.uploaded.contains(&file.entry.key));
        stream::iter(&files)
            .map(|file| self.objects.put(layout.data(&file.entry.key), file.bytes.clone()))
            .buffer_unordered(CONCURRENCY)
            .try_collect::<Vec<()>>()
            .await?;
        attempt.uploaded.extend(files.into_iter().map(|file| file.entry.key));
        Ok(plan)
    }

    /// Sends a manifest and finds out what became of it.
    async fn send(&self, layout: &SymbolLayout, next: &Manifest) -> Result<Sent, Error> {
        let started = self.now();
        let (bytes, hash) = next.encode()?;
        if !self.create_manifest(layout, next.version, &bytes).await? {
            return Ok(Sent::Theirs);
        }
        // The hint only saves later readers a listing; a failure to leave it is no failure of the commit. It
        // may be left before the commit is known to count, since hints to released versions are not followed.
        let hint = self.objects.put(layout.head(), bytes);
        let (_hint, released) = join(hint, self.released_for_sure(layout)).await;
        let released = released.map_err(|failure| unknown_outcome(layout, next.version, failure))?;
        if released >= next.version {
            return self.find_own(layout, next).await;
        }
        let stored = Arc::new(Stored { manifest: next.clone(), hash });
        self.cache.note_head(layout, &stored, started);
        Ok(Sent::Ours)
    }

    /// Asks several times what was released, since a commit hangs on the answer.
    async fn released_for_sure(&self, layout: &SymbolLayout) -> Result<u64, Error> {
        for sends in 1..MAX_SENDS {
            if let Ok(released) = self.released(layout).await {
                return Ok(released);
            }
            self.pause(sends).await;
        }
        self.released(layout).await
    }

    /// Creates a manifest; returns `false` when another writer was first.
    ///
    /// A storage that fails may have stored it all the same: only reading it back tells.
    async fn create_manifest(
        &self,
        layout: &SymbolLayout,
        version: u64,
        bytes: &Bytes,
    ) -> Result<bool, Error> {
        let path = layout.manifest(version);
        let (mut sends, mut may_arrive) = (0, false);
        loop {
            sends += 1;
            let failure = match self.objects.create(&path, bytes.clone()).await {
                Ok(Created::Yes) => return Ok(true),
                Ok(Created::Exists) => None,
                Err(failure) => Some(failure),
            };
            may_arrive |= failure.as_ref().is_some_and(|failure| !is_refusal(failure));
            match (self.objects.get(&path).await, failure) {
                // Equal bytes have our commit id: an earlier send of ours arrived.
                (Ok(Some(found)), _) => return Ok(found == *bytes),
                (Ok(None), Some(failure)) if !may_arrive => return Err(failure),
                // It may still arrive.
                (Ok(None), Some(failure)) if sends == MAX_SENDS => {
                    return Err(unknown_outcome(layout, version, failure));
                }
                (Ok(None), Some(_)) => self.pause(sends).await,
                // It was there and is gone: a collector was here, and the number is stale.
                (Ok(None), None) => return Ok(false),
                (Err(_), Some(failure)) | (Err(failure), None) => {
                    return Err(unknown_outcome(layout, version, failure));
                }
            }
        }
    }

    /// Tells whether our version was a version before it was released, or took the number of another one.
    async fn find_own(&self, layout: &SymbolLayout, ours: &Manifest) -> Result<Sent, Error> {
        self.cache.forget(layout);
        let unknown = |failure| unknown_outcome(layout, ours.version, failure);
        let head = self.head(layout).await.map_err(unknown)?;
        let past = match head {
            Some(head) => self.past(layout, head, ours.version).await.map_err(unknown)?,
            None => Vec::new(),
        };
        match past.iter().find(|past| past.version == ours.version) {
            Some(past) if past.tag == tag_of(&ours.commit_id) => Ok(Sent::Ours),
            Some(_) => {
                drop(self.objects.delete(&layout.manifest(ours.version)).await);
                Ok(Sent::Stale)
            }
            None => Err(unknown(Error::NoVersion {
                symbol: layout.symbol().to_owned(),
                wanted: ours.version.to_string(),
                versions: past.iter().map(|past| past.version).collect(),
            })),
        }
    }

    /// Waits a while after losing against another writer: longer each time, and not as long as the others.
    async fn pause(&self, tries: u32) {
        let most = (4_u64 << tries.min(7)).min(MAX_PAUSE_MS);
        let random = self.ids.next(self.clock.as_ref()).as_u128() & 0xffff_ffff;
        let millis = u64::try_from(random).unwrap_or(0) % most;
        (self.waiter)(Duration::from_millis(millis)).await;
    }
}

/// Returns whether a storage answered that we may not do this, so that nothing was stored nor ever will be.
fn is_refusal(failure: &Error) -> bool {
    use object_store::Error::{NotImplemented, NotSupported, PermissionDenied, Unauthenticated};
    let Error::Storage { source, .. } = failure else { return false };
    let source = source.downcast_ref::<object_store::Error>();
    source.is_some_and(|source| {
        matches!(
            source,
            PermissionDenied { .. } | Unauthenticated { .. } | NotSupported { .. } | NotImplemented { .. }
        )
    })
}

/// Refuses candles out of order: a series can be made of them in a release build, where nothing else looks, and
/// could not be read back.
fn check_order(symbol: &str, times: &[Millis]) -> Result<(), Error> {
    match times.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(Error::Unsorted { symbol: symbol.to_owned(), open_time: pair[1] }),
        None => Ok(()),
    }
}

/// What is new of a version.
#[derive(Clone, Copy)]
struct Next<'a> {
    number: u64,
    now: Millis,
    commit_id: &'a str,
    op: super::Op,
}

fn next_manifest(
    next: Next<'_>,
    (symbol, series): (&str, Option<SeriesKey>),
    head: Option<&Stored>,
    plan: Plan,
) -> Manifest {
    let parent = head.map(|head| &head.manifest);
    let commit_ts = parent.map_or(0, |parent| parent.commit_ts + 1).max(next.now);
    let mut history = parent.map(|parent| parent.history.clone()).unwrap_or_default();
    history.push(Past {
        version: next.number,
        committed: commit_ts,
        tag: tag_of(next.commit_id),
        op: Some(next.op),
        rows: Some(plan.files.iter().map(|file| file.rows).sum()),
    });
    history.drain(..history.len().saturating_sub(HISTORY));
    Manifest {
        format: FORMAT,
        series,
        symbol: symbol.to_owned(),
        version: next.number,
        parent: head.map(|head| Parent { version: head.manifest.version, blake3: head.hash.clone() }),
        commit_id: next.commit_id.to_owned(),
        commit_ts,
        writer: concat!("tradai ", env!("CARGO_PKG_VERSION")).to_owned(),
        op: next.op,
        schema: plan.schema,
        period_months: plan.periods.months(),
        metadata: plan.metadata,
        history,
        files: plan.files,
    }
}

fn unknown_outcome(layout: &SymbolLayout, version: u64, failure: Error) -> Error {
    Error::UnknownOutcome { symbol: layout.symbol().to_owned(), version, source: Box::new(failure) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candles_out_of_order_are_named() {
        assert!(check_order("x", &[]).is_ok() && check_order("x", &[0, 1, 5]).is_ok());
        for times in [[0, 3_600_000, 3_600_000], [7_200_000, 3_600_000, 9_000_000]] {
            let error = check_order("x", &times).unwrap_err();
            assert_eq!(
                error.to_string(),
                "x: the candle of 1970-01-01 01:00:00 is not later than the one before it"
            );
            assert_eq!(error.kind(), tradai_domain::ErrorKind::Invalid);
        }
    }
}
