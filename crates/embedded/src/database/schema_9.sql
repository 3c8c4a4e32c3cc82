-- Runs are listed by their start, those of all workflows together.
CREATE INDEX workflow_runs_by_start ON workflow_runs (started_at, execution);
