//! Where things are in the store.
//!
//! ```text
//! <library>/lib.json                                    what the library holds
//! <library>/sym/<symbol>/v/00000000000000000042.json    manifest of version 42
//! <library>/sym/<symbol>/HEAD.json                      copy of a recent manifest
//! <library>/sym/<symbol>/d/<period>-<hash16>.parquet    rows
//! <library>/sym/<symbol>/gc/00000000000000000040.json   versions up to 40 are released
//! <library>/snap/<name>/00000000000000000001.json       versions of many symbols under one name; the name's next
//!                                                       object says that they are held no more, and so on
//! ```

use object_store::path::Path;

use crate::error::Error;

/// The library of candles.
pub(crate) const CANDLES: &str = "ohlcv";

/// Longest store symbol in bytes, before encoding: three times as much must fit into a file name.
const MAX_SYMBOL_BYTES: usize = 80;

/// Largest number of a version: the numbers after it are exact in every program that reads JSON.
pub(crate) const MAX_VERSION: u64 = (1 << 53) - 1;

/// The folder of one library.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LibraryLayout<'a>(pub(crate) &'a str);

impl LibraryLayout<'_> {
    /// Returns the key of the library's own description.
    pub(crate) fn description(self) -> Path {
        Path::from_iter([self.0, "lib.json"])
    }

    /// Returns the prefix below which every symbol has a folder.
    pub(crate) fn symbols(self) -> Path {
        Path::from_iter([self.0, "sym"])
    }

    /// Returns the prefix below which every snapshot has an object.
    pub(crate) fn snapshots(self) -> Path {
        Path::from_iter([self.0, "snap"])
    }

    /// Returns the layout of a snapshot's name.
    pub(crate) fn snapshot(self, name: &str) -> Result<SnapshotLayout, Error> {
        check_name(name)?;
        Ok(SnapshotLayout { folder: format!("{}/snap/{}", self.0, encode(name)) })
    }

    /// Returns the name and the generation that an object below [`LibraryLayout::snapshots`] stands for, or `None`
    /// when it is not ours.
    pub(crate) fn snapshot_of(self, object: &Path) -> Option<(String, u64)> {
        let mut parts = object.as_ref().rsplit('/');
        let generation = version_of(parts.next()?)?;
        let name = decode(parts.next()?)?;
        let ours = self.snapshot(&name).ok()?.generation(generation);
        (ours == *object).then_some((name, generation))
    }

    /// Returns the layout of a folder found below [`LibraryLayout::symbols`], or `None` when no symbol encodes
    /// to it.
    pub(crate) fn symbol_of(self, folder: &str) -> Option<SymbolLayout> {
        let layout = SymbolLayout::new(self.0, &decode(folder)?).ok()?;
        layout.folder.ends_with(&format!("/{folder}")).then_some(layout)
    }
}

/// The folder of a snapshot's name. Its objects are numbered: of the odd ones each is a snapshot, and the even ones say
/// that the one before them was deleted.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotLayout {
    folder: String,
}

impl SnapshotLayout {
    pub(crate) fn folder(&self) -> Path {
        parsed(self.folder.clone())
    }

    pub(crate) fn generation(&self, number: u64) -> Path {
        parsed(format!("{}/{number:020}.json", self.folder))
    }
}

/// The folder of one symbol.
#[derive(Debug, Clone)]
pub(crate) struct SymbolLayout {
    symbol: String,
    folder: String,
    library: String,
}

impl SymbolLayout {
    pub(crate) fn new(library: &str, symbol: &str) -> Result<Self, Error> {
        check_name(symbol)?;
        let folder = format!("{library}/sym/{}", encode(symbol));
        Ok(Self { symbol: symbol.to_owned(), folder, library: library.to_owned() })
    }

    pub(crate) fn symbol(&self) -> &str {
        &self.symbol
    }

    pub(crate) fn library(&self) -> LibraryLayout<'_> {
        LibraryLayout(&self.library)
    }

    /// Returns the folder, which is unique among all symbols of all libraries.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    pub(crate) fn manifests(&self) -> Path {
        self.path("v")
    }

    pub(crate) fn manifest(&self, version: u64) -> Path {
        self.path(&format!("v/{version:020}.json"))
    }

    pub(crate) fn boundaries(&self) -> Path {
        self.path("gc")
    }

    pub(crate) fn boundary(&self, version: u64) -> Path {
        self.path(&format!("gc/{version:020}.json"))
    }

    pub(crate) fn head(&self) -> Path {
        self.path("HEAD.json")
    }

    pub(crate) fn data_folder(&self) -> Path {
        self.path("d")
    }

    /// Returns the path of a data file from its key in a manifest (`d/…`).
    pub(crate) fn data(&self, key: &str) -> Path {
        self.path(key)
    }

    fn path(&self, below: &str) -> Path {
        parsed(format!("{}/{below}", self.folder))
    }
}

/// `parse` keeps our percent signs; `Path::from` would encode them once more.
fn parsed(text: String) -> Path {
    Path::parse(&text).unwrap_or_else(|_| Path::from(text))
}

/// Checks a name of a symbol or snapshot.
fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > MAX_SYMBOL_BYTES {
        return Err(Error::BadSymbol { symbol: name.to_owned() });
    }
    Ok(())
}

/// Checks the name of a library, which becomes a folder as it is.
pub(crate) fn check_library_name(name: &str) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if name.is_empty() || name.len() > 40 || !name.bytes().all(plain) {
        return Err(Error::BadLibrary { library: name.to_owned() });
    }
    Ok(())
}

/// Returns the number in the file name of a manifest or boundary, `None` for a name that none of ours has.
pub(crate) fn version_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(".json")?;
    let number = (digits.len() == 20).then(|| digits.parse().ok())?;
    number.filter(|number| (1..=MAX_VERSION).contains(number))
}

/// Returns the key of a data file in its manifest. The hash covers the content and who wrote it, so that no
/// two commits share a file: a collector may then delete what no manifest names, without asking who else
/// might be about to write the same.
pub(crate) fn data_key(period: &str, content: &blake3::Hash, nonce: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(content.as_bytes());
    hasher.update(nonce.as_bytes());
    format!("d/{period}-{}.parquet", &hasher.finalize().to_hex()[..16])
}

/// Returns whether a manifest's key of a data file stays inside the symbol's folder.
pub(crate) fn is_data_key(key: &str) -> bool {
    let name = key.strip_prefix("d/").unwrap_or("");
    name.len() > 8 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// Percent-encodes everything but letters, digits, `_`, `-` and inner dots.
fn encode(symbol: &str) -> String {
    let mut text = String::with_capacity(symbol.len());
    for (at, byte) in symbol.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && at > 0) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn decode(folder: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys() {
        let layout = SymbolLayout::new(CANDLES, "BTC_USDT_5m").unwrap();
        assert_eq!(layout.manifest(42).as_ref(), "ohlcv/sym/BTC_USDT_5m/v/00000000000000000042.json");
        assert_eq!(version_of("00000000000000000042.json"), Some(42));
        assert_eq!(version_of("09007199254740991.json"), None);
        assert_eq!(version_of("00009007199254740991.json"), Some(MAX_VERSION));
        for name in ["42.json", "00000000000000000000.json", "18446744073709551615.json"] {
            assert_eq!(version_of(name), None, "{name}");
        }
        assert!(is_data_key("d/2024-01-0123456789abcdef.parquet"));
        assert!(!is_data_key("d/../../x.parquet"));
    }

    #[test]
    fn libraries_are_plain_folders() {
        assert!(check_library_name("predictions-v2").is_ok());
        for name in ["", "..", "A", "a/b", "%41"] {
            assert!(check_library_name(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn folders_name_their_symbol(symbol in "\\PC{1,20}") {
            let library = LibraryLayout(CANDLES);
            let layout = SymbolLayout::new(CANDLES, &symbol).unwrap();
            let folder = layout.folder.rsplit('/').next().unwrap();
            prop_assert!(layout.head().as_ref().ends_with("/HEAD.json"));
            let back = library.symbol_of(folder).unwrap();
            prop_assert_eq!(back.symbol(), symbol.as_str());
            let snapshot = library.snapshot(&symbol).unwrap();
            prop_assert_eq!(library.snapshot_of(&snapshot.generation(7)), Some((symbol, 7)));
        }

        #[test]
        fn folders_never_panic(folder in any::<String>()) {
            drop(LibraryLayout(CANDLES).symbol_of(&folder));
            drop(LibraryLayout(CANDLES).snapshot_of(&Path::from(folder)));
        }
    }
}
