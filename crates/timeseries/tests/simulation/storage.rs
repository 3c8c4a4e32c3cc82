//! The simulated storage as the store sees it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::DateTime;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::disk::{Action, Answer, Disk, Object};
use crate::world::World;

/// A storage: scheduled, or answering at once.
#[derive(Clone)]
pub(crate) enum Storage {
    /// Every request waits for its turn.
    Scheduled(Arc<World>),
    /// A copy of what was stored at some moment.
    Still(Arc<Mutex<Disk>>),
    /// The world's storage itself, without waiting.
    Direct(Arc<World>),
}

impl Storage {
    async fn ask(&self, action: Action) -> Answer {
        match self {
            Self::Scheduled(world) => world.request(action).await,
            Self::Still(disk) => disk.lock().unwrap().perform(&action, 0),
            Self::Direct(world) => {
                let mut state = world.state();
                let now = state.now;
                let answer = state.disk.perform(&action, now);
                let state = &mut *state;
                state.history.applied(
                    &action,
                    &answer,
                    Some(state.history.operations.len() - 1),
                    &state.disk,
                    now,
                );
                answer
            }
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated")
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Storage {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let (key, bytes) = (path.to_string(), Bytes::from(payload));
        let action = match options.mode {
            PutMode::Create => Action::Create(key, bytes),
            PutMode::Overwrite => Action::Put(key, bytes),
            PutMode::Update(_) => return Err(failed("update")),
        };
        match self.ask(action).await {
            Answer::Done => {
                Ok(PutResult { e_tag: None, version: None, extensions: object_store::Extensions::new() })
            }
            Answer::Exists => Err(Error::AlreadyExists { path: path.to_string(), source: "exists".into() }),
            _ => Err(failed("put")),
        }
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(failed("multipart"))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let object = match self.ask(Action::Get(path.to_string())).await {
            Answer::Found(object) => object,
            Answer::Missing => {
                return Err(Error::NotFound { path: path.to_string(), source: "missing".into() });
            }
            _ => return Err(failed("get")),
        };
        let meta = meta(path.as_ref(), &object);
        let range = match &options.range {
            Some(range) => range.as_range(meta.size).map_err(|_| failed("range"))?,
            None => 0..meta.size,
        };
        let bytes =
            object.bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap());
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
        Ok(GetResult {
            payload,
            meta,
            range,
            attributes: object_store::Attributes::new(),
            extensions: object_store::Extensions::new(),
        })
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let bytes = self.get_opts(path, GetOptions::default()).await?.bytes().await?;
        let slice = |range: &Range<u64>| {
            bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
        };
        Ok(ranges.iter().map(slice).collect())
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let storage = self.clone();
        let delete = move |path: Result<Path>| {
            let storage = storage.clone();
            async move {
                let path = path?;
                match storage.ask(Action::Delete(path.to_string())).await {
                    Answer::Done => Ok(path),
                    Answer::Missing => {
                        Err(Error::NotFound { path: path.to_string(), source: "missing".into() })
                    }
                    _ => Err(failed("delete")),
                }
            }
        };
        paths.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let storage = self.clone();
        let folder = prefix.map(ToString::to_string).unwrap_or_default();
        let listed = async move {
            let objects = match storage.ask(Action::List(folder)).await {
                Answer::Listed(objects) => {
                    objects.iter().map(|(key, object)| Ok(meta(key, object))).collect()
                }
                _ => vec![Err(failed("list"))],
            };
            stream::iter(objects)
        };
        listed.flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let folder = prefix.map(ToString::to_string).unwrap_or_default();
        match self.ask(Action::Folders(folder)).await {
            Answer::Folders(folders) => Ok(ListResult {
                common_prefixes: folders.iter().map(|folder| parsed(folder)).collect(),
                objects: Vec::new(),
                extensions: object_store::Extensions::new(),
            }),
            _ => Err(failed("list")),
        }
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(failed("copy"))
    }
}

fn meta(key: &str, object: &Object) -> ObjectMeta {
    ObjectMeta {
        location: parsed(key),
        last_modified: DateTime::from_timestamp_millis(object.modified).unwrap_or_default(),
        size: object.bytes.len() as u64,
        e_tag: None,
        version: None,
    }
}

/// `parse` keeps percent signs.
fn parsed(key: &str) -> Path {
    Path::parse(key).unwrap_or_default()
}

fn failed(what: &'static str) -> Error {
    Error::Generic { store: "simulated", source: what.into() }
}
