-- When a run that waits has to be gone on with; null for one that can go on at once.
ALTER TABLE workflow_runs ADD COLUMN wake_at INTEGER;
DROP INDEX workflow_runs_under_way;
CREATE INDEX workflow_runs_under_way ON workflow_runs (workflow, wake_at, started_at, execution)
    WHERE status = 'running';
