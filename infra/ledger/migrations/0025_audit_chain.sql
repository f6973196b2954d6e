-- The audit as a chain: each row's hash covers the row and the hash of the row before it, so that
-- a row that is changed, removed or moved breaks the chain from there on. The database makes it,
-- whoever writes: the gateway, a function that reads personal data, the command line, psql.

ALTER TABLE audit ADD COLUMN previous bytea, ADD COLUMN hash bytea;

-- What a hash covers, exactly: JSON of one line, in UTF-8.
CREATE FUNCTION audit_row(a audit) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_array(
        (a).id,
        to_char((a).at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        (a).role, (a).actor, (a).action, (a).subject, (a).detail
    )::text
$$;

CREATE FUNCTION audit_hash(previous bytea, a audit) RETURNS bytea
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT sha256(previous || convert_to(audit_row(a), 'UTF8'))
$$;

-- Who writes, when, and the place in the chain are the database's word and never the writer's.
-- The lock is held until the transaction's end: write to the audit last.
CREATE FUNCTION chain_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    last audit;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('jingwei audit', 0));
    SELECT * INTO last FROM audit ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(last.id, 0) + 1;
    NEW.at := clock_timestamp();
    NEW.role := session_user;
    NEW.previous := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
    NEW.hash := audit_hash(NEW.previous, NEW);
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION chain_audit() FROM PUBLIC;

-- Rows of earlier versions are chained as they stand.
ALTER TABLE audit DISABLE TRIGGER audit_only_grows;
DO $$
DECLARE
    one audit;
    before bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR one IN SELECT * FROM audit ORDER BY id LOOP
        UPDATE audit SET previous = before, hash = audit_hash(before, one)
        WHERE id = one.id RETURNING hash INTO before;
    END LOOP;
END
$$;
ALTER TABLE audit ENABLE TRIGGER audit_only_grows;

ALTER TABLE audit
    ALTER COLUMN id DROP DEFAULT,
    ALTER COLUMN previous SET NOT NULL,
    ALTER COLUMN hash SET NOT NULL;
DROP SEQUENCE audit_id_seq;
CREATE TRIGGER audit_chained BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION chain_audit();
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX audit_at ON audit (at);
COMMENT ON COLUMN audit.hash IS
    'SHA-256 of previous, 32 bytes (zeros for the first row), and audit_row in UTF-8.';

REVOKE INSERT ON audit FROM jingwei_worker, jingwei_gateway;
GRANT INSERT (actor, action, subject, detail) ON audit TO jingwei_worker, jingwei_gateway;
