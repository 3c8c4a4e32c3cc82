//! The named faults of the store: torn puts (X12), racing writers (X13), flipped bytes (X14).

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Barrier, Mutex};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StorageError, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tradai_domain::{CandleSeries, RandomIds, SystemClock, TimeRange};
use tradai_timeseries::{AsOf, CandleStore, Damage, Error, Store};

use crate::{candles, series};

const BASE: &str = "BTC";

/// How puts go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tear {
    /// Nothing is stored, as the contract of storages demands.
    Nothing,
    /// All is stored and the answer is an error.
    All,
    /// Against all contracts so many hundredths of the bytes are stored.
    Part(usize),
}

/// A storage in memory whose put of one number goes wrong.
#[derive(Debug)]
struct Torn {
    inner: InMemory,
    /// Puts until then, and how.
    plan: Mutex<Option<(u32, Tear)>>,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("torn")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Torn {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let tear = {
            let mut plan = self.plan.lock().unwrap();
            match plan.as_mut() {
                Some((0, tear)) => {
                    let tear = *tear;
                    *plan = None;
                    Some(tear)
                }
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        let Some(tear) = tear else { return self.inner.put_opts(path, payload, options).await };
        let bytes = Bytes::from(payload);
        let stored = match tear {
            Tear::Nothing => None,
            Tear::All => Some(bytes),
            Tear::Part(hundredths) => Some(bytes.slice(..bytes.len() * hundredths / 100)),
        };
        if let Some(stored) = stored {
            self.inner.put_opts(path, PutPayload::from_bytes(stored), options).await?;
        }
        Err(StorageError::Generic { store: "torn", source: "connection lost".into() })
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
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
}

fn store(objects: Arc<dyn ObjectStore>) -> CandleStore {
    CandleStore::over(Store::new(objects, Arc::new(SystemClock), Arc::new(RandomIds)))
}

fn read(store: &CandleStore, as_of: AsOf) -> std::result::Result<CandleSeries, Error> {
    Ok(store.read(&series(BASE), TimeRange::ALL, as_of)?.unwrap().series)
}

/// Two months, so that the change puts two data files, a manifest and a hint.
fn old() -> CandleSeries {
    candles((0..40).chain(45_000..45_040).map(|minute| (minute, 1.0)))
}

fn new() -> CandleSeries {
    candles((0..40).chain(45_000..45_040).map(|minute| (minute, 2.0)))
}

#[test]
fn fault_x12_torn_put_shows_old_or_new() {
    let tears = [Tear::Nothing, Tear::All, Tear::Part(0), Tear::Part(50), Tear::Part(99)];
    for tear in tears {
        for put in 0..4 {
            let storage = Arc::new(Torn { inner: InMemory::new(), plan: Mutex::default() });
            store(storage.clone()).write(&series(BASE), &old(), None).unwrap();
            *storage.plan.lock().unwrap() = Some((put, tear));
            let outcome = store(storage.clone()).upsert(&series(BASE), &new(), None);
            // Another process, without a memory.
            let reader = store(storage.clone());
            match read(&reader, AsOf::Latest) {
                Ok(rows) => {
                    assert!(rows == old() || rows == new(), "{tear:?} of put {put}");
                    assert!(outcome.is_err() || rows == new(), "{tear:?} of put {put}: {outcome:?} is lost");
                }
                // A manifest torn against all contracts is named, and older versions stay readable.
                Err(Error::Damaged { key, readable, .. }) => {
                    assert!(matches!(tear, Tear::Part(_)), "{tear:?} of put {put}");
                    assert!(key.contains("/v/") && outcome.is_err(), "{tear:?} of put {put}: {key}");
                    assert_eq!(readable, [1]);
                    reader.restore(&series(BASE), 1).unwrap();
                    assert_eq!(read(&reader, AsOf::Latest).unwrap(), old());
                }
                Err(error) => panic!("{tear:?} of put {put}: {error}"),
            }
            // Once more: the outcome of a failed call is found out by repeating it.
            store(storage.clone()).upsert(&series(BASE), &new(), None).unwrap();
            assert_eq!(read(&reader, AsOf::Latest).unwrap(), new(), "{tear:?} of put {put}");
        }
    }
}

#[test]
fn fault_x13_two_writers_append_1000_rounds() {
    const ROUNDS: i64 = 1_000;
    let storage: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (store, barrier) = (store(Arc::clone(&storage)), &barrier);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    barrier.wait();
                    let row = candles([(round * 2 + writer, 1.0)]);
                    assert!(store.append(&series(BASE), &row, None).unwrap().changed);
                }
            });
        }
    });
    let rows = read(&store(storage), AsOf::Latest).unwrap();
    assert_eq!(rows, candles((0..ROUNDS * 2).map(|minute| (minute, 1.0))));
}

#[test]
fn fault_x14_flipped_bytes_name_the_object() {
    let storage = Arc::new(InMemory::new());
    store(storage.clone()).write(&series(BASE), &old(), None).unwrap();
    store(storage.clone()).upsert(&series(BASE), &new(), None).unwrap();
    let newest = objects_of_version(&storage, 2);
    assert_eq!(newest.len(), 3, "a manifest and two files: {newest:?}");
    // The hint is a copy of the manifest, and would hide that the original is damaged.
    delete(&storage, &Path::from(format!("ohlcv/sym/{}/HEAD.json", series(BASE).store_symbol())));
    for path in newest {
        let bytes = get(&storage, &path);
        for at in (0..bytes.len()).step_by(7) {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x20;
            put(&storage, &path, Bytes::from(flipped));
            let reader = store(storage.clone());
            let error = read(&reader, AsOf::Latest).unwrap_err();
            let Error::Damaged { key, damage, readable } = &error else {
                panic!("{path} byte {at}: {error}")
            };
            assert_eq!(*key, path.to_string(), "byte {at}");
            assert!(matches!(damage, Damage::Checksum | Damage::Foreign(_)), "{path} byte {at}: {damage}");
            assert_eq!(readable, &[1], "{path} byte {at}");
            assert_eq!(read(&reader, AsOf::Version(1)).unwrap(), old(), "{path} byte {at}");
        }
        put(&storage, &path, bytes);
    }
    assert_eq!(read(&store(storage), AsOf::Latest).unwrap(), new());
}

/// Returns the manifest of a version and the files that only it names.
fn objects_of_version(storage: &InMemory, version: u64) -> Vec<Path> {
    let folder = Path::from(format!("ohlcv/sym/{}", series(BASE).store_symbol()));
    let manifest = |version: u64| Path::from(format!("{folder}/v/{version:020}.json"));
    let text = |version| String::from_utf8(get(storage, &manifest(version)).to_vec()).unwrap();
    let files = |text: &str| -> Vec<String> {
        let keys = text.split("\"key\":\"").skip(1);
        keys.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let earlier = files(&text(version - 1));
    let own = files(&text(version)).into_iter().filter(|file| !earlier.contains(file));
    [manifest(version)].into_iter().chain(own.map(|file| Path::from(format!("{folder}/{file}")))).collect()
}

fn delete(storage: &InMemory, path: &Path) {
    storage.delete(path).now_or_never().expect("memory answers at once").unwrap();
}

fn get(storage: &InMemory, path: &Path) -> Bytes {
    let get = async { storage.get(path).await.unwrap().bytes().await.unwrap() };
    get.now_or_never().expect("memory answers at once")
}

fn put(storage: &InMemory, path: &Path, bytes: Bytes) {
    let put = async { storage.put(path, PutPayload::from_bytes(bytes)).await.unwrap() };
    put.now_or_never().expect("memory answers at once");
}
