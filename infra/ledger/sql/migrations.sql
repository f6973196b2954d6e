-- name: make_table
CREATE TABLE IF NOT EXISTS schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: has_table
SELECT to_regclass('schema_migration') IS NOT NULL;

-- name: applied
SELECT number, name, sha256 FROM schema_migration;

-- name: record
INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3);
