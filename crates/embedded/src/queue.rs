//! Queues in the database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use tokio::sync::Notify;
use tradai_domain::ports::{DEDUP_MS, DeadLetter, OutgoingMessage, PortError, Queue, ReceivedMessage};
use tradai_domain::{Clock, ErrorKind, Millis};

use crate::Database;
use crate::database::Outcome;
use crate::json;

/// How often a waiting receiver looks for messages of other processes.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The largest body, in bytes: that of SQS.
const MAX_BODY: usize = 256 * 1024;

/// How a queue treats its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long a message that was received stays invisible.
    pub visibility: Duration,
    /// How often a message is received before it becomes a dead letter; at least once.
    pub max_receives: u32,
}

impl Default for QueueSettings {
    /// 30 seconds, 3 times.
    fn default() -> Self {
        Self { visibility: Duration::from_secs(30), max_receives: 3 }
    }
}

/// [`Queue`] in a [`Database`], which may hold several, by name.
#[derive(Clone)]
pub struct SqliteQueue {
    database: Database,
    name: String,
    settings: QueueSettings,
    clock: Arc<dyn Clock>,
    sent: Arc<Notify>,
}

impl SqliteQueue {
    /// Returns the queue of this name.
    #[must_use]
    pub fn new(
        database: Database,
        name: impl Into<String>,
        settings: QueueSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { database, name: name.into(), settings, clock, sent: Arc::default() }
    }

    async fn take(&self, most: usize) -> Result<Vec<ReceivedMessage>, PortError> {
        let (name, settings, now) = (self.name.clone(), self.settings, self.clock.now_ms());
        let most = most.clamp(1, 10);
        self.database.change(move |transaction| take(transaction, &name, settings, now, most)).await
    }
}

fn millis(duration: Duration) -> Millis {
    json::integer(duration.as_millis())
}

fn send(transaction: &Transaction<'_>, queue: &str, message: &OutgoingMessage, now: Millis) -> Outcome<i64> {
    transaction.prepare_cached("DELETE FROM message_dedup WHERE until <= ?1")?.execute([now])?;
    let sql = "SELECT message_id FROM message_dedup WHERE queue = ?1 AND dedup_id = ?2";
    let known = transaction
        .prepare_cached(sql)?
        .query_row([queue, &message.dedup_id], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let sql = "INSERT INTO messages (queue, group_id, attributes, body) VALUES (?1, ?2, ?3, ?4)";
    let attributes = json::text(&message.attributes)?;
    transaction.prepare_cached(sql)?.execute([queue, &message.group, &attributes, &message.body])?;
    let id = transaction.last_insert_rowid();
    let sql = "INSERT INTO message_dedup (queue, dedup_id, message_id, until) VALUES (?1, ?2, ?3, ?4)";
    let until = now.saturating_add(DEDUP_MS);
    transaction.prepare_cached(sql)?.execute(params![queue, message.dedup_id, id, until])?;
    Ok(id)
}

fn take(
    transaction: &Transaction<'_>,
    queue: &str,
    settings: QueueSettings,
    now: Millis,
    most: usize,
) -> Outcome<Vec<ReceivedMessage>> {
    let sql = "UPDATE messages SET dead = 1
        WHERE queue = ?1 AND dead = 0 AND visible_at <= ?2 AND receive_count >= ?3";
    let max_receives = settings.max_receives.max(1);
    transaction.prepare_cached(sql)?.execute(params![queue, now, max_receives])?;
    // A group with a message in flight waits for it.
    let sql = "SELECT id, group_id, attributes, body, receive_count + 1 FROM messages
        WHERE queue = ?1 AND dead = 0 AND group_id NOT IN (
            SELECT group_id FROM messages WHERE queue = ?1 AND dead = 0 AND visible_at > ?2)
        ORDER BY id LIMIT ?3";
    let messages: Vec<ReceivedMessage> = transaction
        .prepare_cached(sql)?
        .query_map(params![queue, now, json::integer(most)], |row| {
            let (id, receive_count): (i64, u32) = (row.get(0)?, row.get(4)?);
            Ok(ReceivedMessage {
                id: id.to_string(),
                receipt: format!("{id}-{receive_count}"),
                group: row.get(1)?,
                attributes: json::column(row, 2)?,
                body: row.get(3)?,
                receive_count,
            })
        })?
        .collect::<Outcome<_>>()?;
    let sql = "UPDATE messages SET receive_count = receive_count + 1, visible_at = ?2 WHERE id = ?1";
    let visible_at = now.saturating_add(millis(settings.visibility));
    for message in &messages {
        transaction.prepare_cached(sql)?.execute(params![message.id, visible_at])?;
    }
    Ok(messages)
}

/// A receipt names a message and which of its receipts this is.
fn parse_receipt(receipt: &str) -> Option<(i64, u32)> {
    let (id, count) = receipt.split_once('-')?;
    Some((id.parse().ok()?, count.parse().ok()?))
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn send(&self, message: &OutgoingMessage) -> Result<String, PortError> {
        if message.body.len() > MAX_BODY {
            let text = format!("a message has {} bytes; {MAX_BODY} are allowed", message.body.len());
            return Err(PortError::new(ErrorKind::Invalid, text));
        }
        let (name, message, now) = (self.name.clone(), message.clone(), self.clock.now_ms());
        let id = self.database.change(move |transaction| send(transaction, &name, &message, now)).await?;
        self.sent.notify_waiters();
        Ok(id.to_string())
    }

    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<ReceivedMessage>, PortError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Listening before looking: a message that comes in between is not slept through.
            let sent = self.sent.notified();
            tokio::pin!(sent);
            sent.as_mut().enable();
            let taken = self.take(most).await?;
            if !taken.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(taken);
            }
            let until = deadline.min(tokio::time::Instant::now() + LOOK_EVERY);
            tokio::select! {
                () = sent => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    async fn delete(&self, receipt: &str) -> Result<bool, PortError> {
        let Some((id, count)) = parse_receipt(receipt) else { return Ok(false) };
        let (name, now) = (self.name.clone(), self.clock.now_ms());
        let delete = move |transaction: &Transaction<'_>| {
            let sql = "DELETE FROM messages
                WHERE id = ?1 AND queue = ?2 AND receive_count = ?3 AND visible_at > ?4 AND dead = 0";
            transaction.prepare_cached(sql)?.execute(params![id, name, count, now])
        };
        let deleted = self.database.change(delete).await? > 0;
        // The next message of the group may be taken.
        self.sent.notify_waiters();
        Ok(deleted)
    }

    async fn extend(&self, receipt: &str, visibility: Duration) -> Result<bool, PortError> {
        let Some((id, count)) = parse_receipt(receipt) else { return Ok(false) };
        let (name, now) = (self.name.clone(), self.clock.now_ms());
        let extend = move |transaction: &Transaction<'_>| {
            let sql = "UPDATE messages SET visible_at = ?5
                WHERE id = ?1 AND queue = ?2 AND receive_count = ?3 AND visible_at > ?4 AND dead = 0";
            let visible_at = now.saturating_add(millis(visibility));
            transaction.prepare_cached(sql)?.execute(params![id, name, count, now, visible_at])
        };
        Ok(self.database.change(extend).await? > 0)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        let name = self.name.clone();
        let list = move |transaction: &Transaction<'_>| {
            let sql = "SELECT id, group_id, body, receive_count FROM messages
                WHERE queue = ?1 AND dead = 1 ORDER BY id LIMIT ?2";
            let mut statement = transaction.prepare_cached(sql)?;
            let letters = statement.query_map(params![name, json::integer(limit)], |row| {
                let id: i64 = row.get(0)?;
                let (group, body, receive_count) = (row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(DeadLetter { id: id.to_string(), group, body, receive_count })
            })?;
            letters.collect()
        };
        self.database.read(list).await
    }
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
