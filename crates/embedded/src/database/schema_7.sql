-- Keys that are made and revoked while services run. The record holds a key's hash, and no key.
CREATE TABLE api_keys (
    id     TEXT PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
