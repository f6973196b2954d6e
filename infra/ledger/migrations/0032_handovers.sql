-- Hand-overs: what was open, promised, shelved and overridden when a shift ended, as the one who
-- went signed it, and who took it over. The audit has both signatures with the content's digest.

CREATE TABLE handover (
    id text PRIMARY KEY,
    since timestamptz NOT NULL,
    at timestamptz NOT NULL,
    given_by text NOT NULL REFERENCES account,
    taken_by text REFERENCES account,
    taken_at timestamptz,
    content bytea NOT NULL,
    CONSTRAINT handover_by_two CHECK (taken_by <> given_by),
    CONSTRAINT handover_taken CHECK ((taken_by IS NULL) = (taken_at IS NULL))
);
CREATE INDEX handover_page ON handover (at DESC, id DESC);
COMMENT ON COLUMN handover.content IS 'Canonical JSON, as it was signed.';

CREATE FUNCTION sign_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.taken_by IS NOT NULL
        OR (OLD.id, OLD.since, OLD.at, OLD.given_by, OLD.content)
            IS DISTINCT FROM (NEW.id, NEW.since, NEW.at, NEW.given_by, NEW.content)
    THEN
        RAISE EXCEPTION 'hand-over %: what is signed never changes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER handover_signed_once BEFORE UPDATE ON handover
    FOR EACH ROW EXECUTE FUNCTION sign_once();

GRANT SELECT, INSERT ON handover TO jingwei_gateway;
GRANT UPDATE (taken_by, taken_at) ON handover TO jingwei_gateway;
