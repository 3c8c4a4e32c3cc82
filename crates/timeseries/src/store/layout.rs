//! Where things are in the store.
//!
//! ```text
//! <library>/lib.json                                    format of the library
//! <library>/sym/<symbol>/v/00000000000000000042.json    manifest of version 42
//! <library>/sym/<symbol>/HEAD.json                      copy of a recent manifest
//! <library>/sym/<symbol>/d/<period>-<hash16>.parquet    candles
//! ```

use object_store::path::Path;

use crate::error::Error;

/// The library of candles.
pub(crate) const LIBRARY: &str = "ohlcv";

/// Longest store symbol in bytes, before encoding: three times as much must fit into a file name.
const MAX_SYMBOL_BYTES: usize = 80;

/// Returns the key of the library's own description.
pub(crate) fn library_key() -> Path {
    Path::from_iter([LIBRARY, "lib.json"])
}

/// Returns the prefix below which every symbol has a folder.
pub(crate) fn symbols_prefix() -> Path {
    Path::from_iter([LIBRARY, "sym"])
}

/// The folder of one symbol.
#[derive(Debug, Clone)]
pub(crate) struct SymbolLayout {
    symbol: String,
    folder: String,
}

impl SymbolLayout {
    pub(crate) fn new(symbol: &str) -> Result<Self, Error> {
        if symbol.is_empty() || symbol.len() > MAX_SYMBOL_BYTES {
            return Err(Error::BadSymbol { symbol: symbol.to_owned() });
        }
        let folder = format!("{LIBRARY}/sym/{}", encode(symbol));
        Ok(Self { symbol: symbol.to_owned(), folder })
    }

    /// Returns the layout of a folder found below [`symbols_prefix`], or `None` when no symbol encodes to it.
    pub(crate) fn from_folder(folder: &str) -> Option<Self> {
        let layout = Self::new(&decode(folder)?).ok()?;
        layout.folder.ends_with(&format!("/{folder}")).then_some(layout)
    }

    pub(crate) fn symbol(&self) -> &str {
        &self.symbol
    }

    pub(crate) fn manifests_prefix(&self) -> Path {
        self.path("v")
    }

    pub(crate) fn manifest(&self, version: u64) -> Path {
        self.path(&format!("v/{version:020}.json"))
    }

    pub(crate) fn head(&self) -> Path {
        self.path("HEAD.json")
    }

    /// Returns the path of a data file from its key in a manifest (`d/…`).
    pub(crate) fn data(&self, key: &str) -> Path {
        self.path(key)
    }

    fn path(&self, below: &str) -> Path {
        // `parse` keeps our percent signs; `Path::from` would encode them once more.
        Path::parse(format!("{}/{below}", self.folder)).unwrap_or_else(|_| Path::from(self.folder.as_str()))
    }
}

/// Returns the version of a manifest's file name, `None` for any other name.
pub(crate) fn version_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

/// Returns the key of a data file in its manifest.
pub(crate) fn data_key(period: &str, hash: &blake3::Hash) -> String {
    format!("d/{period}-{}.parquet", &hash.to_hex()[..16])
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
        let layout = SymbolLayout::new("BTC_USDT_5m").unwrap();
        assert_eq!(layout.manifest(42).as_ref(), "ohlcv/sym/BTC_USDT_5m/v/00000000000000000042.json");
        assert_eq!(version_of("00000000000000000042.json"), Some(42));
        assert_eq!(version_of("42.json"), None);
        assert!(is_data_key("d/2024-01-0123456789abcdef.parquet"));
        assert!(!is_data_key("d/../../x.parquet"));
    }

    proptest! {
        #[test]
        fn folders_name_their_symbol(symbol in "\\PC{1,20}") {
            let layout = SymbolLayout::new(&symbol).unwrap();
            let folder = layout.folder.rsplit('/').next().unwrap();
            prop_assert!(layout.head().as_ref().ends_with("/HEAD.json"));
            let back = SymbolLayout::from_folder(folder).unwrap();
            prop_assert_eq!(back.symbol(), symbol.as_str());
        }

        #[test]
        fn folders_never_panic(folder in any::<String>()) {
            drop(SymbolLayout::from_folder(&folder));
        }
    }
}
