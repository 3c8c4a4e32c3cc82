//! API keys in the database.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction};
use tradai_domain::access::{ApiKeyId, ApiKeyRecord};
use tradai_domain::ports::{ApiKeyRepository, CreatedApiKey, MAX_API_KEYS, NewApiKey, PortError};

use crate::Database;
use crate::database::Outcome;
use crate::idempotency::{Bound, bind, bound};
use crate::json;

/// [`ApiKeyRepository`] in a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteApiKeys(Database);

impl SqliteApiKeys {
    /// Returns the keys of a database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

fn find(transaction: &Transaction<'_>, id: ApiKeyId) -> Outcome<Option<ApiKeyRecord>> {
    let mut statement = transaction.prepare_cached("SELECT record FROM api_keys WHERE id = ?1")?;
    statement.query_row([id.to_string()], |row| json::column(row, 0)).optional()
}

fn create(transaction: &Transaction<'_>, key: &NewApiKey) -> Outcome<CreatedApiKey> {
    let NewApiKey { record, request, now } = key;
    let known = request.as_ref().map(|request| bound(transaction, request, *now)).transpose()?.flatten();
    match known {
        None => {}
        Some(Bound::OtherRequest) => return Ok(CreatedApiKey::OtherRequest),
        Some(Bound::Before(id)) => {
            let id = ApiKeyId(id.0);
            let there = find(transaction, id)?.map(Box::new);
            return Ok(there.map_or(CreatedApiKey::Deleted(id), CreatedApiKey::Before));
        }
    }
    let mut statement = transaction.prepare_cached("SELECT count(*) FROM api_keys")?;
    let count: i64 = statement.query_row([], |row| row.get(0))?;
    if count >= json::integer(MAX_API_KEYS) {
        return Ok(CreatedApiKey::TooMany);
    }
    let id = record.id.to_string();
    let sql = "INSERT INTO api_keys (id, name, record) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING";
    let values = [id.as_str(), record.name.as_str(), &json::text(record)?];
    if transaction.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(CreatedApiKey::NameTaken);
    }
    if let Some(request) = request {
        bind(transaction, request, &id, *now)?;
    }
    Ok(CreatedApiKey::New)
}

#[async_trait]
impl ApiKeyRepository for SqliteApiKeys {
    async fn create(&self, key: &NewApiKey) -> Result<CreatedApiKey, PortError> {
        let key = key.clone();
        self.0.change(move |transaction| create(transaction, &key)).await
    }

    async fn list(&self) -> Result<Vec<ApiKeyRecord>, PortError> {
        let list = |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare_cached("SELECT record FROM api_keys ORDER BY name")?;
            let records = statement.query_map([], |row| json::column(row, 0))?;
            records.collect()
        };
        self.0.read(list).await
    }

    async fn delete(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, PortError> {
        let delete = move |transaction: &Transaction<'_>| {
            let there = find(transaction, id)?;
            transaction.prepare_cached("DELETE FROM api_keys WHERE id = ?1")?.execute([id.to_string()])?;
            Ok(there)
        };
        self.0.change(delete).await
    }
}
