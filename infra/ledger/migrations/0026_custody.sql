-- Contacts sealed under a key per reporter, what was erased, and what retention may delete.

CREATE TABLE vault (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    fingerprint text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE vault IS
    'Which key file seals this ledger''s contacts; the key itself is in no database.';
GRANT SELECT, INSERT ON vault TO jingwei_worker;
GRANT SELECT ON vault TO jingwei_gateway;

CREATE TABLE reporter_key (
    ref text PRIMARY KEY,
    key bytea NOT NULL
);
COMMENT ON TABLE reporter_key IS
    'The key of each reporter''s contact, sealed with the key file''s. Where it is deleted nobody '
    'reads the contact any more: back this table up apart, and for a short time.';
ALTER TABLE reporter ADD COLUMN sealed bytea;
COMMENT ON COLUMN reporter.contact IS 'Contacts of earlier versions, until `jingwei up` seals them.';
COMMENT ON COLUMN reporter.sealed IS 'JSON, encrypted with the reporter''s key by AES-256-GCM.';
COMMENT ON TABLE reporter IS
    'Personal data, and the only place of it: read through reveal_reporter, which is audited.';
GRANT SELECT (ref) ON reporter TO jingwei_worker;
GRANT INSERT ON reporter_key TO jingwei_worker;

DROP FUNCTION read_reporter(text, text, text), erase_reporter(text, text, text);
CREATE FUNCTION reveal_reporter(
    wanted text, actor text, purpose text, evidence text,
    OUT key bytea, OUT sealed bytea, OUT erased_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(actor, '') = '' OR coalesce(purpose, '') = '' THEN
        RAISE EXCEPTION 'reading personal data needs an actor and a purpose'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO audit (actor, action, subject, detail)
    VALUES (actor, 'reveal', wanted, jsonb_build_object('purpose', purpose, 'evidence', evidence));
    SELECT k.key, r.sealed, r.erased_at INTO reveal_reporter.key, reveal_reporter.sealed,
           reveal_reporter.erased_at
    FROM reporter AS r LEFT JOIN reporter_key AS k ON k.ref = r.ref WHERE r.ref = wanted;
END
$$;
REVOKE ALL ON FUNCTION reveal_reporter(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reveal_reporter(text, text, text, text) TO jingwei_gateway;

-- What was erased, without what it was: so that it can be erased again from copies.
CREATE TABLE erasure (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refs text[] NOT NULL,
    evidence_ids text[] NOT NULL,
    places jsonb NOT NULL,
    archived_at timestamptz
);
COMMENT ON COLUMN erasure.places IS
    'Messages of input topics and journal: topic, partition, offset, and the evidence in it.';
COMMENT ON COLUMN erasure.archived_at IS 'When the archive''s files had lost it, too.';
CREATE INDEX evidence_reporter ON evidence (reporter_ref) WHERE reporter_ref IS NOT NULL;

-- Incidents that were closed long ago go whole, by `jingwei retention run` and nothing else.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'incident_entry'
        AND current_setting('jingwei.retention', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation',
              HINT = 'a correction is a new row';
END
$$;
CREATE INDEX incident_forgotten ON incident (updated_at) WHERE forgotten_at IS NOT NULL;

-- Whether an incident, or one that was merged with it, is open, known to the core, or not so old.
CREATE FUNCTION family_held(wanted text, before timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE family AS (
        SELECT id, merged_into FROM incident WHERE id = wanted
        UNION
        SELECT i.id, i.merged_into
        FROM family AS f JOIN incident AS i ON i.id = f.merged_into OR i.merged_into = f.id
    )
    SELECT EXISTS (
        SELECT FROM family JOIN incident AS i USING (id)
        WHERE i.is_open OR i.forgotten_at IS NULL OR i.updated_at >= before
    )
$$;
