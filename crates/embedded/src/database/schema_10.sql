-- A key of jobs stood for a document with the job's id once, and for the id since. One whose job was never stored is free.
DELETE FROM idempotency WHERE key GLOB 'job.submit:*' AND json_valid(CAST(reply AS TEXT))
    AND json_extract(CAST(reply AS TEXT), '$.stored') = 0
    AND json_extract(CAST(reply AS TEXT), '$.job_id') NOT IN (SELECT job_id FROM jobs);
UPDATE idempotency SET reply = CAST(json_extract(CAST(reply AS TEXT), '$.job_id') AS BLOB)
    WHERE key GLOB 'job.submit:*' AND json_valid(CAST(reply AS TEXT));
