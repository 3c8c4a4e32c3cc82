-- A batch is unfinished until the last of its jobs is cancelled, too.
DROP INDEX batches_unfinished;
CREATE INDEX batches_unfinished ON batches (batch_id) WHERE state IN ('submitting', 'cancelling');
