-- A run keeps the document that it was started with, so that a newer one does not change what is under way.
CREATE TABLE workflow_runs (
    execution  TEXT PRIMARY KEY,
    workflow   TEXT NOT NULL,
    name       TEXT NOT NULL,
    document   TEXT NOT NULL,
    input      TEXT NOT NULL,
    seed       TEXT NOT NULL,
    status     TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    result     TEXT,
    UNIQUE (workflow, name)
) STRICT;
CREATE INDEX workflow_runs_under_way ON workflow_runs (workflow, started_at) WHERE status = 'running';
-- Where each branch of a run is; the run's own has the empty name.
CREATE TABLE workflow_branches (
    execution TEXT NOT NULL REFERENCES workflow_runs (execution) ON DELETE CASCADE,
    branch    TEXT NOT NULL,
    progress  TEXT NOT NULL,
    PRIMARY KEY (execution, branch)
) STRICT, WITHOUT ROWID;
CREATE TABLE workflow_history (
    execution TEXT NOT NULL REFERENCES workflow_runs (execution) ON DELETE CASCADE,
    seq       INTEGER NOT NULL,
    event     TEXT NOT NULL,
    PRIMARY KEY (execution, seq)
) STRICT, WITHOUT ROWID;
