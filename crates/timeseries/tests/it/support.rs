//! What the tests share: keys, small series, stores, and a storage that counts its reads.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use tradai_domain::{CandleSeries, ManualClock, RandomIds, SeriesKey, Symbol, Timeframe};
use tradai_timeseries::{CandleStore, Metadata, Store};

pub(crate) const HOUR: i64 = 3_600_000;
/// 2024-06-01T00:00:00Z; half-years of five-minute candles end on 2024-07-01.
pub(crate) const JUNE: i64 = 1_717_200_000_000;

pub(crate) fn key(timeframe: Timeframe) -> SeriesKey {
    let symbol: Symbol = "BTC/USDT".parse().unwrap();
    SeriesKey::traded(&symbol, timeframe)
}

/// Candles at `start + step * at` for every `at` of `rows`, with prices told from `at` and `salt`.
pub(crate) fn candles(start: i64, step: i64, rows: Range<i64>, salt: f64) -> CandleSeries {
    let mut series = CandleSeries::default();
    for at in rows {
        let price = 100.0 + at as f64 * 0.1 + salt;
        series.push(start + at * step, [price, price + 1.0, price - 1.0, price + 0.5, at as f64]);
    }
    series
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(JUNE))
}

pub(crate) fn memory() -> CandleStore {
    CandleStore::in_memory(clock(), Arc::new(RandomIds))
}

pub(crate) fn local(dir: &std::path::Path) -> CandleStore {
    CandleStore::open(dir, clock(), Arc::new(RandomIds)).unwrap()
}

/// Returns a store in a bucket under a prefix of its own; `None`, and one line about it, where there is no server.
#[cfg(feature = "s3")]
pub(crate) fn s3_store_at(clock: Arc<ManualClock>) -> Option<CandleStore> {
    let server = s3_server()?;
    assert_eq!(crate::http::send(&server, "PUT /tradai-test"), 200, "cannot make a bucket");
    let text = format!("s3://tradai-test/{}?endpoint={server}", fresh_prefix());
    let location = tradai_timeseries::Location::parse(&text, &s3_environment).unwrap();
    Some(CandleStore::open_location(&location, clock, Arc::new(RandomIds)).unwrap())
}

#[cfg(not(feature = "s3"))]
pub(crate) fn s3_store_at(_: Arc<ManualClock>) -> Option<CandleStore> {
    skip_s3("the feature s3 is off");
    None
}

pub(crate) fn s3_store() -> Option<CandleStore> {
    s3_store_at(clock())
}

/// The server that `cargo xtask test` starts.
#[cfg(feature = "s3")]
pub(crate) fn s3_server() -> Option<String> {
    let server = std::env::var("TRADAI_TEST_S3").ok();
    if server.is_none() {
        skip_s3("TRADAI_TEST_S3 is not set");
    }
    server
}

fn skip_s3(why: &str) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| eprintln!("skipped: the store in a bucket ({why})"));
}

#[cfg(feature = "s3")]
pub(crate) fn s3_environment(name: &str) -> Option<String> {
    let value = match name {
        "AWS_ACCESS_KEY_ID" => "test",
        "AWS_SECRET_ACCESS_KEY" => "test-secret",
        "AWS_SESSION_TOKEN" => "test-token",
        _ => return None,
    };
    Some(value.to_owned())
}

#[cfg(feature = "s3")]
pub(crate) fn fresh_prefix() -> String {
    use tradai_domain::IdSource;
    RandomIds.next(clock().as_ref()).to_string()
}

pub(crate) fn metadata(text: &str) -> Option<Metadata> {
    Some(serde_json::from_str(text).unwrap())
}

/// Seals a manifest anew, as a hostile writer would.
pub(crate) fn reseal(path: &std::path::Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    let at = text.rfind(",\"blake3\":\"").unwrap();
    let body = change(text[..at].to_owned());
    let hash = blake3::hash(body.as_bytes()).to_hex();
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, format!("{body},\"blake3\":\"{hash}\"}}\n")).unwrap();
}

/// How a put of [`Watched`] goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The object is stored but the answer says that it failed.
    AnswerLost,
    /// Nothing is stored and the answer says so.
    Refused,
    /// The storage does not let us write there.
    Forbidden,
}

/// A storage in memory that counts its reads and can fail a creation.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    inner: InMemory,
    pub(crate) gets: Mutex<Vec<String>>,
    pub(crate) mishap: Mutex<Option<Mishap>>,
    pub(crate) creations: AtomicUsize,
    /// Part of the keys whose next put is put off until [`Watched::arrive`], while its sender hears that it failed.
    pub(crate) late: Mutex<Option<&'static str>>,
    on_its_way: Mutex<Option<(Path, PutPayload, PutOptions)>>,
    /// Whose clock goes on by half an hour and more with each data file.
    pub(crate) slow: Mutex<Option<Arc<ManualClock>>>,
}

impl Watched {
    pub(crate) fn store(self: &Arc<Self>) -> CandleStore {
        CandleStore::over(Store::new(self.clone(), clock(), Arc::new(RandomIds)))
    }

    /// Lets the put that was put off take effect.
    pub(crate) fn arrive(&self) {
        use futures_util::FutureExt;
        let (path, payload, options) = self.on_its_way.lock().unwrap().take().unwrap();
        let arrived = self.inner.put_opts(&path, payload, options).now_or_never();
        drop(arrived.expect("memory answers at once"));
    }

    pub(crate) fn delete(&self, key: &str) {
        use futures_util::FutureExt;
        use object_store::ObjectStoreExt;
        let path = Path::parse(key).unwrap();
        self.inner.delete(&path).now_or_never().expect("memory answers at once").unwrap();
    }

    /// Returns the data files read since the last call.
    pub(crate) fn take_data_gets(&self) -> Vec<String> {
        let gets = std::mem::take(&mut *self.gets.lock().unwrap());
        gets.into_iter().filter(|key| key.ends_with(".parquet")).collect()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("watched")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let late = self.late.lock().unwrap().take_if(|part| path.as_ref().contains(*part));
        if late.is_some() {
            *self.on_its_way.lock().unwrap() = Some((path.clone(), payload, options));
            return Err(object_store::Error::Generic { store: "watched", source: "timed out".into() });
        }
        if path.as_ref().contains("/d/")
            && let Some(clock) = &*self.slow.lock().unwrap()
        {
            clock.advance(31 * 60_000);
        }
        if options.mode == PutMode::Create && path.as_ref().contains("/v/") {
            self.creations.fetch_add(1, Ordering::SeqCst);
            let mishap = self.mishap.lock().unwrap().take();
            if mishap == Some(Mishap::Forbidden) {
                let path = path.to_string();
                return Err(object_store::Error::PermissionDenied { path, source: "403".into() });
            }
            if mishap == Some(Mishap::AnswerLost) {
                self.inner.put_opts(path, payload.clone(), options.clone()).await?;
            }
            if mishap.is_some() {
                return Err(object_store::Error::Generic { store: "watched", source: "timed out".into() });
            }
        }
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.gets.lock().unwrap().push(path.to_string());
        self.inner.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(path, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}
