//! What callers get of tables.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use tradai_domain::Millis;

use super::rows::TableRows;
use super::schema;
use crate::error::{Damage, Error};
use crate::store::head::damaged;
use crate::store::layout::SymbolLayout;
use crate::store::manifest::Manifest;
use crate::store::types::Metadata;

/// Rows as read from the store.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRead {
    /// The rows asked for, in order of time and tie; none when there are none.
    pub batch: RecordBatch,
    /// The version they belong to.
    pub version: u64,
    /// Identifies the whole version (64 hexadecimal digits): equal hashes mean equal rows. Equal rows have
    /// different hashes where they are cut into files differently.
    pub data_hash: String,
    /// What the user noted about the table.
    pub metadata: Metadata,
}

/// What the store holds of one table; known without reading any row.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// The symbol.
    pub symbol: String,
    /// The version described.
    pub version: u64,
    /// When it was committed.
    pub committed: Millis,
    /// Times of the first and the last row; `None` when there is none.
    pub span: Option<(Millis, Millis)>,
    /// Number of rows.
    pub rows: u64,
    /// Bytes of this version's data files.
    pub bytes: u64,
    /// Its columns.
    pub schema: SchemaRef,
    /// See [`TableRead::data_hash`].
    pub data_hash: String,
    /// What the user noted.
    pub metadata: Metadata,
}

/// All tables of a library.
#[derive(Debug, Default)]
pub struct TableListing {
    /// The newest version of each, by name.
    pub tables: Vec<TableInfo>,
    /// One error for each table whose newest version cannot be read.
    pub damaged: Vec<Error>,
}

impl TableRead {
    pub(crate) fn of(manifest: &Manifest, rows: TableRows) -> Self {
        Self {
            batch: rows.into_batch(),
            version: manifest.version,
            data_hash: manifest.data_hash(),
            metadata: manifest.metadata.clone(),
        }
    }
}

impl TableInfo {
    pub(super) fn of(layout: &SymbolLayout, manifest: &Manifest) -> Result<Self, Error> {
        let foreign = || Damage::Foreign("it does not say its columns".to_owned());
        let columns =
            manifest.schema.arrow.as_ref().ok_or_else(foreign).and_then(|text| schema::decode(text));
        let columns = columns.map_err(|damage| damaged(&layout.manifest(manifest.version), damage))?;
        Ok(Self {
            symbol: manifest.symbol.clone(),
            version: manifest.version,
            committed: manifest.commit_ts,
            span: manifest.span(),
            rows: manifest.rows(),
            bytes: manifest.files.iter().map(|file| file.bytes).sum(),
            schema: columns,
            data_hash: manifest.data_hash(),
            metadata: manifest.metadata.clone(),
        })
    }
}
