//! Config versions in the database.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use tradai_domain::configs::{ConfigHash, ConfigId, ConfigStatus, ConfigVersion};
use tradai_domain::ports::{ActivatedConfig, ConfigRepository, NewConfig, PortError, PushedConfig};
use tradai_domain::{Millis, StrategyName};

use crate::Database;
use crate::database::Outcome;
use crate::json;

/// [`ConfigRepository`] in a [`Database`]. An index of the table admits one active version per strategy, whatever a
/// program does.
#[derive(Debug, Clone)]
pub struct SqliteConfigs(Database);

impl SqliteConfigs {
    /// Returns the config versions of a database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

fn find_by(
    transaction: &Transaction<'_>,
    column: &str,
    strategy: &StrategyName,
    value: &str,
) -> Outcome<Option<ConfigVersion>> {
    let sql = format!("SELECT version FROM configs WHERE strategy_name = ?1 AND {column} = ?2");
    let mut statement = transaction.prepare_cached(&sql)?;
    statement.query_row([strategy.as_str(), value], |row| json::column(row, 0)).optional()
}

fn find(tx: &Transaction<'_>, strategy: &StrategyName, id: &ConfigId) -> Outcome<Option<ConfigVersion>> {
    find_by(tx, "config_id", strategy, id.as_str())
}

fn find_active(tx: &Transaction<'_>, strategy: &StrategyName) -> Outcome<Option<ConfigVersion>> {
    find_by(tx, "status", strategy, ConfigStatus::Active.as_str())
}

fn store(transaction: &Transaction<'_>, version: &ConfigVersion) -> Outcome<()> {
    let sql = "INSERT INTO configs
            (strategy_name, version_number, config_id, config_hash, status, expires_at, version)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (strategy_name, version_number) DO UPDATE SET
            status = excluded.status, expires_at = excluded.expires_at, version = excluded.version";
    transaction.prepare_cached(sql)?.execute(params![
        version.strategy_name.as_str(),
        version.version_number,
        version.config_id.as_str(),
        version.config_hash.as_str(),
        version.status.as_str(),
        version.expires_at(),
        json::text(version)?,
    ])?;
    Ok(())
}

fn next_number(transaction: &Transaction<'_>, strategy: &StrategyName) -> Outcome<u32> {
    let sql = "INSERT INTO config_numbers (strategy_name, last) VALUES (?1, 1)
        ON CONFLICT (strategy_name) DO UPDATE SET last = last + 1 RETURNING last";
    transaction.prepare_cached(sql)?.query_row([strategy.as_str()], |row| row.get(0))
}

fn activate(
    transaction: &Transaction<'_>,
    strategy: &StrategyName,
    id: &ConfigId,
    at: Millis,
) -> Outcome<Option<ActivatedConfig>> {
    let Some(mut version) = find(transaction, strategy, id)? else { return Ok(None) };
    let before = find_active(transaction, strategy)?.filter(|before| before.config_id != *id);
    let superseded = before.as_ref().map(|before| before.config_id.clone());
    if let Some(mut before) = before {
        before.deprecate(Some(id), at);
        store(transaction, &before)?;
    }
    version.activate(at);
    store(transaction, &version)?;
    Ok(Some(ActivatedConfig { version, superseded }))
}

#[async_trait]
impl ConfigRepository for SqliteConfigs {
    async fn push(&self, config: &NewConfig) -> Result<PushedConfig, PortError> {
        let config = config.clone();
        let push = move |transaction: &Transaction<'_>| {
            let hash = ConfigHash::of(&config.config_data);
            if let Some(version) = find_by(transaction, "config_hash", &config.strategy_name, hash.as_str())?
            {
                return Ok(PushedConfig { version, duplicate: true });
            }
            let number = next_number(transaction, &config.strategy_name)?;
            let NewConfig { strategy_name, config_data, description, at } = config.clone();
            let version = ConfigVersion::draft(strategy_name, number, config_data, description, at);
            store(transaction, &version)?;
            Ok(PushedConfig { version, duplicate: false })
        };
        self.0.change(push).await
    }

    async fn get(&self, strategy: &StrategyName, id: &ConfigId) -> Result<Option<ConfigVersion>, PortError> {
        let (strategy, id) = (strategy.clone(), id.clone());
        self.0.read(move |transaction| find(transaction, &strategy, &id)).await
    }

    async fn active(&self, strategy: &StrategyName) -> Result<Option<ConfigVersion>, PortError> {
        let strategy = strategy.clone();
        self.0.read(move |transaction| find_active(transaction, &strategy)).await
    }

    async fn list(
        &self,
        strategy: &StrategyName,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<ConfigVersion>, PortError> {
        let strategy = strategy.clone();
        let list = move |transaction: &Transaction<'_>| {
            let sql = "SELECT version FROM configs WHERE strategy_name = ?1 AND version_number < ?2
                ORDER BY version_number DESC LIMIT ?3";
            let before = before.map_or(i64::MAX, i64::from);
            let mut statement = transaction.prepare_cached(sql)?;
            let versions = statement
                .query_map(params![strategy.as_str(), before, json::integer(limit)], |row| {
                    json::column(row, 0)
                })?;
            versions.collect()
        };
        self.0.read(list).await
    }

    async fn activate(
        &self,
        strategy: &StrategyName,
        id: &ConfigId,
        at: Millis,
    ) -> Result<Option<ActivatedConfig>, PortError> {
        let (strategy, id) = (strategy.clone(), id.clone());
        self.0.change(move |transaction| activate(transaction, &strategy, &id, at)).await
    }

    async fn deprecate(
        &self,
        strategy: &StrategyName,
        id: &ConfigId,
        at: Millis,
    ) -> Result<Option<ConfigVersion>, PortError> {
        let (strategy, id) = (strategy.clone(), id.clone());
        let deprecate = move |transaction: &Transaction<'_>| {
            let Some(mut version) = find(transaction, &strategy, &id)? else { return Ok(None) };
            version.deprecate(None, at);
            store(transaction, &version)?;
            Ok(Some(version))
        };
        self.0.change(deprecate).await
    }

    async fn delete_expired(&self, now: Millis) -> Result<u64, PortError> {
        let delete = move |transaction: &Transaction<'_>| {
            let sql = "DELETE FROM configs WHERE expires_at <= ?1 AND status = ?2";
            let deprecated = ConfigStatus::Deprecated.as_str();
            transaction.prepare_cached(sql)?.execute(params![now, deprecated])
        };
        let deleted = self.0.change(delete).await?;
        Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
    }
}
