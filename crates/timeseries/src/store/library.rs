//! Libraries: what the symbols of a folder hold.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Store;
use super::head::damaged;
use super::layout::{CANDLES, LibraryLayout};
use super::manifest::FORMAT;
use super::objects::Created;
use crate::error::{Damage, Error};

/// The description of a library, made with its first symbol and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Library {
    pub(crate) format: u32,
    pub(crate) library: String,
    /// How candles are encoded.
    #[serde(default)]
    pub(crate) profile: String,
    /// Set in libraries of tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<TableOptions>,
}

/// How a library keeps tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableOptions {
    /// Name of the time column: timestamps in milliseconds, UTC, without nulls.
    pub time: String,
    /// Name of a column of 64-bit integers, such as a trade's id, that tells rows of one millisecond apart;
    /// without it times are unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie: Option<String>,
    /// Calendar months that a data file covers, 1 to 1200: about 50,000 rows are good to read.
    pub period_months: u32,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { time: "timestamp".to_owned(), tie: None, period_months: 1 }
    }
}

impl Store {
    /// Leaves a library's description where there is none, and returns the one that is there.
    pub(crate) async fn make_library(&self, wanted: &Library) -> Result<Library, Error> {
        if let Some(library) = self.find_library(&wanted.library).await? {
            return Ok(library);
        }
        let path = LibraryLayout(&wanted.library).description();
        let encode = |source: serde_json::Error| Error::Encode {
            what: format!("the library {}", wanted.library),
            source: Box::new(source),
        };
        let mut text = serde_json::to_string(wanted).map_err(encode)?;
        text.push('\n');
        match self.objects.create(&path, Bytes::from(text)).await? {
            Created::Yes => {
                self.cache.note_library(&wanted.library, wanted);
                Ok(wanted.clone())
            }
            Created::Exists => {
                let found = self.find_library(&wanted.library).await?;
                found.ok_or_else(|| damaged(&path, Damage::Missing))
            }
        }
    }

    /// Refuses a place that holds another program's library of candles.
    pub(crate) async fn check_library(&self) -> Result<(), Error> {
        self.find_library(CANDLES).await.map(drop)
    }

    /// Returns a library's description, or `None` when there is no such library.
    pub(crate) async fn find_library(&self, name: &str) -> Result<Option<Library>, Error> {
        if let Some(known) = self.cache.library(name) {
            return Ok(Some(known));
        }
        let path = LibraryLayout(name).description();
        let Some(bytes) = self.objects.get(&path).await? else { return Ok(None) };
        let foreign = |what: String| damaged(&path, Damage::Foreign(what));
        let library: Library =
            serde_json::from_slice(&bytes).map_err(|e| foreign(format!("no library of this store: {e}")))?;
        if library.format != FORMAT {
            let format = library.format;
            return Err(foreign(format!("format {format}, while this program reads {FORMAT}")));
        }
        if library.library != name {
            return Err(foreign(format!("it describes the library {}", library.library)));
        }
        self.cache.note_library(name, &library);
        Ok(Some(library))
    }

    /// Returns the names of the libraries, sorted.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn libraries(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for name in self.objects.folders(&object_store::path::Path::default()).await? {
            if self.objects.exists(&LibraryLayout(&name).description()).await? {
                names.push(name);
            }
        }
        Ok(names)
    }
}
