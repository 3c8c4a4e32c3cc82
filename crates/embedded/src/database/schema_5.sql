-- Who watches over a job; jobs of the layouts before are anybody's.
ALTER TABLE jobs ADD COLUMN holder TEXT NOT NULL DEFAULT '';
-- Until when those count as alive who do.
CREATE TABLE holders (
    holder TEXT PRIMARY KEY,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
