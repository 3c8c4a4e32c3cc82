-- Whoever stores a job counts it (`jobs::NewRow::count`): an INSERT with triggers that write keeps a copy of every page
-- that it changes until it is done.
DROP TRIGGER jobs_wait;
DROP TRIGGER jobs_came;
