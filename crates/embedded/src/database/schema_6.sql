-- Who asked for a job. How many of each wait is counted as it changes, for whoever asks for one more is not to wait for
-- a count of all.
ALTER TABLE jobs ADD COLUMN actor TEXT NOT NULL DEFAULT '';
CREATE TABLE waiting (
    actor TEXT PRIMARY KEY,
    jobs  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO waiting (actor, jobs) SELECT '', count(*) FROM jobs WHERE status = 'pending';
CREATE TRIGGER jobs_wait AFTER INSERT ON jobs WHEN new.status = 'pending'
BEGIN
    INSERT INTO waiting (actor, jobs) VALUES (new.actor, 1) ON CONFLICT (actor) DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER jobs_wait_no_more AFTER UPDATE OF status ON jobs
WHEN old.status = 'pending' AND new.status <> 'pending'
BEGIN
    UPDATE waiting SET jobs = jobs - 1 WHERE actor = old.actor;
    DELETE FROM waiting WHERE actor = old.actor AND jobs <= 0;
END;
