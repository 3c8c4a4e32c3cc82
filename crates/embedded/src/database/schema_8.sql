-- Jobs that were asked for together. What was asked for is apart from the record, which is listed.
CREATE TABLE batches (
    batch_id TEXT PRIMARY KEY,
    state    TEXT NOT NULL,
    ttl      INTEGER,
    record   TEXT NOT NULL,
    request  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_unfinished ON batches (batch_id) WHERE state = 'submitting';
CREATE INDEX batches_by_ttl ON batches (ttl) WHERE ttl IS NOT NULL;
