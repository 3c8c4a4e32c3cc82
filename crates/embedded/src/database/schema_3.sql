-- What each job is asked to do: apart from its record, which is written anew with every change.
CREATE TABLE job_messages (
    job_id  TEXT PRIMARY KEY,
    message TEXT NOT NULL
) STRICT, WITHOUT ROWID;
