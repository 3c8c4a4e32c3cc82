//! How many requests an operation sends to an object storage, and how many of them wait for another.

use std::fmt;
use std::future::poll_fn;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use serde::Serialize;
use tradai_domain::{RandomIds, SystemClock, TimeRange, Timeframe};
use tradai_timeseries::{AsOf, CandleStore, Store, read_parquet_candles};

use crate::ours::{DAY, dates, key};

/// The requests of one operation.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Requests {
    pub(crate) sent: u32,
    /// The longest chain of requests each of which was sent when the one before it was answered.
    pub(crate) round_trips: u32,
}

/// Counts what the store asks of object storages: a year of one-minute candles, appended day by day.
pub(crate) fn count(candles: &FilePath) -> Vec<(&'static str, Requests)> {
    let candles = read_parquet_candles(candles, TimeRange::ALL).unwrap();
    let storage = Arc::new(Counting::default());
    let new_handle = || {
        let store = Store::new(storage.clone(), Arc::new(SystemClock), Arc::new(RandomIds));
        CandleStore::over(store)
    };
    let (key, store) = (key("A", Timeframe::M1), new_handle());
    let append = |at: usize| {
        let day = candles.slice(at * DAY..(at + 1) * DAY);
        assert!(store.append(&key, &day, None).unwrap().changed);
    };
    (0..364).for_each(append);
    let day = dates("2020-06-15", "2020-06-16");
    let read = |store: &CandleStore, range, as_of| drop(store.read(&key, range, as_of).unwrap().unwrap());
    vec![
        ("append of a day", storage.during(|| append(364))),
        ("day read, warm", storage.during(|| read(&store, day, AsOf::Latest))),
        ("day read, new handle", storage.during(|| read(&new_handle(), day, AsOf::Latest))),
        (
            "oldest version, new handle",
            storage.during(|| read(&new_handle(), TimeRange::ALL, AsOf::Version(1))),
        ),
    ]
}

/// Returns one line per operation.
pub(crate) fn text(counted: &[(&'static str, Requests)]) -> String {
    let line = |(operation, Requests { sent, round_trips }): &(&str, Requests)| {
        format!("{operation}: {sent} requests, {round_trips} one after the other\n")
    };
    counted.iter().map(line).collect()
}

/// A storage in memory that counts. Each request is answered a moment after it is sent, so that requests sent
/// together are on their way together.
#[derive(Debug, Default)]
struct Counting {
    inner: InMemory,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u32,
    /// The longest chain that ends in an answer.
    answered: u32,
}

impl Counting {
    fn during(&self, call: impl FnOnce()) -> Requests {
        *self.counts.lock().unwrap() = Counts::default();
        call();
        let counts = self.counts.lock().unwrap();
        Requests { sent: counts.sent, round_trips: counts.answered }
    }
}

/// Counts a request, and waits for its answer.
async fn request(counts: Arc<Mutex<Counts>>) {
    let place = {
        let mut counts = counts.lock().unwrap();
        counts.sent += 1;
        counts.answered + 1
    };
    let mut is_sent = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_sent, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    let mut counts = counts.lock().unwrap();
    counts.answered = counts.answered.max(place);
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting")
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        request(self.counts.clone()).await;
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        request(self.counts.clone()).await;
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        request(self.counts.clone()).await;
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (counts, listed) = (self.counts.clone(), self.inner.list(prefix));
        stream::once(async {
            request(counts).await;
            listed
        })
        .flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        request(self.counts.clone()).await;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        request(self.counts.clone()).await;
        self.inner.copy_opts(from, to, options).await
    }
}
