-- Who may come in through the gateway, what they asked for under which key, and indexes of what it
-- reads. Accounts and tokens are made by the owner (`jingwei users`, `jingwei tokens`): the gateway
-- only checks them, so that whoever takes it over makes no account and gives no rights.

CREATE TABLE account (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    role text NOT NULL CHECK (role IN ('viewer', 'department', 'responder', 'operator',
                                       'supervisor', 'planner', 'administrator')),
    department text,
    unit_id text,
    password text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    password_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz,
    CONSTRAINT account_department CHECK ((role = 'department') = (department IS NOT NULL)),
    CONSTRAINT account_unit CHECK ((role = 'responder') = (unit_id IS NOT NULL))
);
COMMENT ON COLUMN account.password IS 'Argon2id, in the PHC form; never the password.';

CREATE TABLE session (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    account text NOT NULL REFERENCES account,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);
CREATE INDEX session_account ON session (account);
CREATE INDEX session_created ON session (created_at);
COMMENT ON COLUMN session.hash IS 'SHA-256 of the cookie''s secret.';

CREATE TABLE api_token (
    prefix text PRIMARY KEY CHECK (prefix ~ '^[a-z0-9]{8}$'),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    account text NOT NULL REFERENCES account,
    role text NOT NULL,
    label text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    used_at timestamptz
);
CREATE INDEX api_token_account ON api_token (account);
COMMENT ON COLUMN api_token.hash IS 'SHA-256 of the whole token, which is shown once.';

CREATE TABLE sign_in_failure (
    id bigserial PRIMARY KEY,
    account text NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sign_in_failure_address ON sign_in_failure (address, at);
CREATE INDEX sign_in_failure_at ON sign_in_failure (at);
COMMENT ON TABLE sign_in_failure IS 'Of the last day: what limits the rate of attempts.';

CREATE TABLE command_key (
    account text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    command_id text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    released_at timestamptz,
    PRIMARY KEY (account, key)
);
COMMENT ON TABLE command_key IS
    'Idempotency-Keys of commands: digest is the SHA-256 of the request, released_at null while a '
    'gateway waits for the answer.';

GRANT SELECT ON account TO jingwei_gateway;
GRANT SELECT, INSERT, DELETE ON session TO jingwei_gateway;
GRANT UPDATE (seen_at, revoked_at) ON session TO jingwei_gateway;
GRANT SELECT ON api_token TO jingwei_gateway;
GRANT UPDATE (used_at) ON api_token TO jingwei_gateway;
GRANT SELECT, INSERT, DELETE ON sign_in_failure TO jingwei_gateway;
GRANT USAGE ON SEQUENCE sign_in_failure_id_seq TO jingwei_gateway;
GRANT SELECT, INSERT ON command_key TO jingwei_gateway;
GRANT UPDATE (claimed_at, released_at) ON command_key TO jingwei_gateway;

-- A command goes through the journal; its row is the core's answer, which only a worker writes.
REVOKE INSERT ON command FROM jingwei_gateway;

-- Pages of a list go on behind a row, by time and id.
CREATE INDEX incident_page ON incident (opened_at DESC, id DESC);
CREATE INDEX incident_page_category ON incident (category, opened_at DESC, id DESC);
CREATE INDEX incident_page_severity ON incident (severity, opened_at DESC, id DESC);
DROP INDEX incident_opened;
CREATE INDEX alert_page ON alert (raised_at DESC, id DESC);
CREATE INDEX command_page ON command (at DESC, id DESC) WHERE outcome IS NOT NULL;

-- Search: each pair of characters that stand side by side. Unlike pg_trgm it finds words of two
-- characters, as most Chinese ones are, and needs no extension.
CREATE FUNCTION search_pairs(words text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(w, n, 2)), '{}')
    FROM lower(words) AS w, generate_series(1, length(w) - 1) AS n
$$;
CREATE FUNCTION search_text(number text, title text, address text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(left(number || ' ' || title || ' ' || coalesce(address, ''), 400))
$$;
CREATE INDEX incident_search ON incident
    USING gin (search_pairs(search_text(number, title, address)));
