-- Links that sign somebody in once. The owner makes them (`jingwei users link`, `jingwei demo`); the
-- gateway can only use them up.

CREATE TABLE sign_in_link (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    account text NOT NULL REFERENCES account,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_link_account ON sign_in_link (account);
COMMENT ON COLUMN sign_in_link.hash IS 'SHA-256 of the secret in the link, which is shown once.';

GRANT SELECT, DELETE ON sign_in_link TO jingwei_gateway;
