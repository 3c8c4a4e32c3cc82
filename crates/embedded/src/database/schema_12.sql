-- Runs of one status, of one workflow, and of both are listed by their start; those that have ended go after a while.
CREATE INDEX workflow_runs_by_status ON workflow_runs (status, started_at, execution);
CREATE INDEX workflow_runs_by_workflow ON workflow_runs (workflow, started_at, execution);
CREATE INDEX workflow_runs_by_both ON workflow_runs (workflow, status, started_at, execution);
CREATE INDEX workflow_runs_by_end ON workflow_runs (ended_at) WHERE ended_at IS NOT NULL;
