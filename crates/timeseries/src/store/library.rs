//! Libraries: what the symbols of a folder hold.
//!
//! One library, [`CANDLES`], keeps candles; all others keep tables.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Store;
use super::head::damaged;
use super::layout::{CANDLES, LibraryLayout, check_library_name};
use super::manifest::FORMAT;
use super::objects::Created;
use super::period::Periods;
use crate::error::{Damage, Error};
use crate::files::Profile;

/// The description of a library, made with its first symbol and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Library {
    pub(crate) format: u32,
    pub(crate) library: String,
    /// How candles are encoded, by [`Profile::as_str`].
    pub(crate) profile: String,
    /// Set in libraries of tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<TableOptions>,
}

impl Library {
    pub(crate) fn of_candles(profile: Profile) -> Self {
        let (library, profile) = (CANDLES.to_owned(), profile.as_str().to_owned());
        Self { format: FORMAT, library, profile, table: None }
    }
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

impl TableOptions {
    /// Checks that tables can be kept this way, and returns how they are cut into files; `library` is for errors.
    pub(crate) fn check(&self, library: &str) -> Result<Periods, Error> {
        let refuse = |problem: &str| {
            Err(Error::LibraryOptions { library: library.to_owned(), problem: problem.to_owned() })
        };
        if self.time.is_empty() || self.tie.as_ref().is_some_and(String::is_empty) {
            return refuse("a column has no name");
        }
        if self.tie.as_ref() == Some(&self.time) {
            return refuse("the time column cannot tell rows of one time apart");
        }
        match Periods::from_months(self.period_months) {
            Some(periods) => Ok(periods),
            None => refuse("a file covers 1 to 1200 months"),
        }
    }
}

/// Reads: time `timestamp`, tie `id`, 1 month(s) per file.
impl fmt::Display for TableOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "time `{}`", self.time)?;
        match &self.tie {
            Some(tie) => write!(f, ", tie `{tie}`")?,
            None => f.write_str(", no tie")?,
        }
        write!(f, ", {} month(s) per file", self.period_months)
    }
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { time: "timestamp".to_owned(), tie: None, period_months: 1 }
    }
}

impl Store {
    /// Leaves a library's description where there is none, and returns the one that is there.
    pub(crate) async fn make_library(&self, wanted: &Library) -> Result<Library, Error> {
        if let Some(library) = self.library_to_change(&wanted.library).await? {
            return Ok(library);
        }
        let path = LibraryLayout(&wanted.library).description();
        let encode = |source: serde_json::Error| Error::Encode {
            what: format!("the library {}", wanted.library),
            source: Box::new(source),
        };
        let mut text = serde_json::to_string(wanted).map_err(encode)?;
        text.push('\n');
        let bytes = Bytes::from(text);
        match self.objects.create(&path, bytes.clone()).await? {
            Created::Yes => {
                self.check_create(&path, bytes).await?;
                self.cache.note_library(&wanted.library, wanted);
                Ok(wanted.clone())
            }
            Created::Exists => {
                let found = self.find_library(&wanted.library).await?;
                found.ok_or_else(|| damaged(&path, Damage::Missing))
            }
        }
    }

    /// Returns a library's description, or `None` when there is no such library. One that lost its description is an
    /// error: how it keeps its symbols would be a guess, and made anew it might say otherwise.
    pub(crate) async fn library_to_change(&self, name: &str) -> Result<Option<Library>, Error> {
        if let Some(library) = self.find_library(name).await? {
            return Ok(Some(library));
        }
        if !self.has_symbols(name).await? {
            return Ok(None);
        }
        // Another first writer may have made both since.
        match self.find_library(name).await? {
            Some(library) => Ok(Some(library)),
            None => Err(damaged(&LibraryLayout(name).description(), Damage::Missing)),
        }
    }

    async fn has_symbols(&self, name: &str) -> Result<bool, Error> {
        Ok(!self.objects.folders(&LibraryLayout(name).symbols()).await?.is_empty())
    }

    /// Returns how candles are kept: as the library says, which is made where there is none.
    pub(crate) async fn candle_profile(&self) -> Result<Profile, Error> {
        let library = self.make_library(&Library::of_candles(self.profile.unwrap_or_default())).await?;
        // `find_library` lets no other profile pass.
        let stored = Profile::find(&library.profile).unwrap_or_default();
        match self.profile.filter(|&given| given != stored) {
            Some(given) => Err(Error::OtherProfile { stored, given }),
            None => Ok(stored),
        }
    }

    /// Refuses a storage that lets the same object be created twice, before anything is lost in it. Servers that
    /// speak S3's protocol may know nothing of the condition and overwrite.
    async fn check_create(&self, path: &object_store::path::Path, bytes: Bytes) -> Result<(), Error> {
        if self.objects.create(path, bytes).await? == Created::Yes {
            self.objects.delete(path).await?;
            return Err(Error::Overwrites);
        }
        Ok(())
    }

    /// Refuses a place that holds another program's library of candles.
    pub(crate) async fn check_library(&self) -> Result<(), Error> {
        self.find_library(CANDLES).await.map(drop)
    }

    /// Returns a library's description, or `None` when there is no such library.
    pub(crate) async fn find_library(&self, name: &str) -> Result<Option<Library>, Error> {
        match self.cache.library(name) {
            Some(known) => Ok(Some(known)),
            None => self.read_library(name).await,
        }
    }

    /// As [`Store::find_library`], but whatever is remembered.
    pub(crate) async fn read_library(&self, name: &str) -> Result<Option<Library>, Error> {
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
        if library.table.is_none() != (name == CANDLES) {
            let kept = if library.table.is_some() { "tables" } else { "candles" };
            return Err(foreign(format!("it keeps {kept}, which this library does not")));
        }
        if library.table.is_none() && Profile::find(&library.profile).is_none() {
            let profile = &library.profile;
            return Err(foreign(format!("profile `{profile}`, which this program does not know")));
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

    /// Returns the names of the folders that are libraries or were, before they lost their description; sorted.
    pub(crate) async fn library_folders(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for name in self.objects.folders(&object_store::path::Path::default()).await? {
            let is_library = self.objects.exists(&LibraryLayout(&name).description()).await?;
            if is_library || check_library_name(&name).is_ok() && self.has_symbols(&name).await? {
                names.push(name);
            }
        }
        Ok(names)
    }
}
