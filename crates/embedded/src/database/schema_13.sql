-- Jobs that batches are still to take in count as waiting, for single submissions, too. Each stands here until it is
-- there, or until its batch takes no more in; whoever asks for one more reads the sums and nothing else.
CREATE TABLE jobs_to_come (
    job_id   TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL,
    actor    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_to_come_by_batch ON jobs_to_come (batch_id);
CREATE TRIGGER jobs_to_come_wait AFTER INSERT ON jobs_to_come
BEGIN
    INSERT INTO waiting (actor, jobs) VALUES (new.actor, 1) ON CONFLICT (actor) DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER jobs_to_come_wait_no_more AFTER DELETE ON jobs_to_come
BEGIN
    UPDATE waiting SET jobs = jobs - 1 WHERE actor = old.actor;
    DELETE FROM waiting WHERE actor = old.actor AND jobs <= 0;
END;
INSERT OR IGNORE INTO jobs_to_come (job_id, batch_id, actor)
    SELECT job.value, batch_id, record ->> '$.created_by'
    FROM batches, json_each(iif(json_valid(record), record, '{}'), '$.jobs') AS job
    WHERE state = 'submitting' AND NOT EXISTS (SELECT 1 FROM jobs WHERE job_id = job.value);
CREATE TRIGGER batches_take_jobs_in AFTER INSERT ON batches WHEN new.state = 'submitting'
BEGIN
    INSERT INTO jobs_to_come (job_id, batch_id, actor)
        SELECT value, new.batch_id, new.record ->> '$.created_by' FROM json_each(new.record, '$.jobs');
END;
CREATE TRIGGER jobs_came AFTER INSERT ON jobs
BEGIN
    DELETE FROM jobs_to_come WHERE job_id = new.job_id;
END;
CREATE TRIGGER batches_take_no_more_jobs_in AFTER UPDATE OF state ON batches
WHEN old.state = 'submitting' AND new.state <> 'submitting'
BEGIN
    DELETE FROM jobs_to_come WHERE batch_id = old.batch_id;
END;
CREATE TRIGGER batches_are_deleted AFTER DELETE ON batches
BEGIN
    DELETE FROM jobs_to_come WHERE batch_id = old.batch_id;
END;
