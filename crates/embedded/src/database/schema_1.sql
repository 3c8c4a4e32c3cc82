-- Records are JSON; columns beside them are what they are found by.
CREATE TABLE jobs (
    job_id        TEXT PRIMARY KEY,
    workflow_type TEXT NOT NULL,
    strategy_name TEXT NOT NULL,
    status        TEXT NOT NULL,
    trace_id      TEXT NOT NULL,
    ttl           INTEGER,
    record        TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_status ON jobs (status, job_id);
CREATE INDEX jobs_by_strategy ON jobs (strategy_name, job_id);
CREATE INDEX jobs_by_trace ON jobs (trace_id, job_id);
CREATE INDEX jobs_by_ttl ON jobs (ttl) WHERE ttl IS NOT NULL;

CREATE TABLE configs (
    strategy_name  TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    config_id      TEXT NOT NULL,
    config_hash    TEXT NOT NULL,
    status         TEXT NOT NULL,
    expires_at     INTEGER,
    version        TEXT NOT NULL,
    PRIMARY KEY (strategy_name, version_number),
    UNIQUE (strategy_name, config_id),
    UNIQUE (strategy_name, config_hash)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX configs_one_active ON configs (strategy_name) WHERE status = 'active';
CREATE INDEX configs_by_expiry ON configs (expires_at) WHERE expires_at IS NOT NULL;
-- Numbers are not used again, also when the versions that had them are gone.
CREATE TABLE config_numbers (
    strategy_name TEXT PRIMARY KEY,
    last          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id   TEXT NOT NULL,
    dedup_id TEXT NOT NULL UNIQUE,
    event    TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_job ON events (job_id, seq);

CREATE TABLE messages (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    queue         TEXT NOT NULL,
    group_id      TEXT NOT NULL,
    attributes    TEXT NOT NULL,
    body          TEXT NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    visible_at    INTEGER NOT NULL DEFAULT 0,
    dead          INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX messages_by_queue ON messages (queue, dead, id);
CREATE INDEX messages_by_group ON messages (queue, dead, group_id, visible_at);
CREATE TABLE message_dedup (
    queue      TEXT NOT NULL,
    dedup_id   TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    until      INTEGER NOT NULL,
    PRIMARY KEY (queue, dedup_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_dedup_by_time ON message_dedup (until);

CREATE TABLE idempotency (
    key         TEXT PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    until       INTEGER NOT NULL,
    reply       BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency (until);

CREATE TABLE audit (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
