-- What intake found, where units were, personal data, feeds, the city's fences.

CREATE TABLE evidence (
    id text PRIMARY KEY,
    region text NOT NULL,
    source text NOT NULL,
    source_id text NOT NULL,
    phase text NOT NULL,
    category text NOT NULL,
    severity text NOT NULL,
    confidence double precision NOT NULL,
    point geometry(Point, 4326),
    accuracy_m double precision,
    district text,
    subdistrict text,
    beat text,
    hazard_zones text[] NOT NULL,
    address text,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    text text NOT NULL,
    triage text[] NOT NULL,
    reporter_ref text,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    incident_id text REFERENCES incident,
    placed text,
    score double precision,
    reasons text[],
    record bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX evidence_point ON evidence USING gist (point);
CREATE INDEX evidence_incident ON evidence (incident_id);
CREATE INDEX evidence_unplaced ON evidence (recorded_at) WHERE placed IS NULL;
CREATE INDEX evidence_received ON evidence (received_at);
COMMENT ON COLUMN evidence.triage IS 'How category, severity and place were found.';
COMMENT ON COLUMN evidence.reasons IS 'Why it was placed where it was.';

CREATE TABLE reporter (
    ref text PRIMARY KEY,
    contact jsonb,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz
);
COMMENT ON TABLE reporter IS
    'Personal data, and the only place of it: read through read_reporter, which is audited.';

CREATE TABLE audit (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role text NOT NULL DEFAULT session_user,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_subject ON audit (subject, at);
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_not_truncated BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION read_reporter(wanted text, actor text, purpose text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(actor, '') = '' OR coalesce(purpose, '') = '' THEN
        RAISE EXCEPTION 'reading personal data needs an actor and a purpose'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO audit (actor, action, subject, detail)
    VALUES (actor, 'read_reporter', wanted, jsonb_build_object('purpose', purpose));
    RETURN (SELECT contact FROM reporter WHERE ref = wanted);
END
$$;

CREATE FUNCTION erase_reporter(wanted text, actor text, purpose text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(actor, '') = '' OR coalesce(purpose, '') = '' THEN
        RAISE EXCEPTION 'erasing personal data needs an actor and a purpose'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO audit (actor, action, subject, detail)
    VALUES (actor, 'erase_reporter', wanted, jsonb_build_object('purpose', purpose));
    UPDATE reporter SET contact = NULL, erased_at = clock_timestamp()
    WHERE ref = wanted AND erased_at IS NULL;
    RETURN FOUND;
END
$$;

CREATE TABLE unit_track (
    unit_id text NOT NULL,
    at timestamptz NOT NULL,
    point geometry(Point, 4326) NOT NULL,
    accuracy_m double precision,
    speed_mps double precision,
    heading_deg double precision,
    PRIMARY KEY (unit_id, at)
) PARTITION BY RANGE (at);
CREATE INDEX unit_track_point ON unit_track USING gist (point);
CREATE TABLE unit_track_default PARTITION OF unit_track DEFAULT;

-- Days far from today stay in the default partition, so that a producer with a wrong clock
-- cannot make partitions without end; so does a day of which the default already has fixes.
CREATE FUNCTION make_track_partitions(days date[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    day date;
    made integer := 0;
    name text;
    since timestamptz;
    until timestamptz;
BEGIN
    FOR day IN
        SELECT DISTINCT d FROM unnest(days) AS d
        WHERE d BETWEEN current_date - 400 AND current_date + 1
          AND to_regclass(to_char(d, '"unit_track_"YYYYMMDD')) IS NULL
        ORDER BY d
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('jingwei unit_track', 0));
        name := to_char(day, '"unit_track_"YYYYMMDD');
        since := day::timestamp AT TIME ZONE 'UTC';
        until := (day + 1)::timestamp AT TIME ZONE 'UTC';
        IF to_regclass(name) IS NULL
            AND NOT EXISTS (SELECT FROM unit_track_default WHERE at >= since AND at < until)
        THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF unit_track FOR VALUES FROM (%L) TO (%L)',
                name, since, until
            );
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;

CREATE TABLE fence (
    city text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    attributes jsonb NOT NULL,
    geom geometry(Geometry, 4326) NOT NULL,
    PRIMARY KEY (city, id)
);
CREATE INDEX fence_geom ON fence USING gist (geom);

CREATE TABLE subscription (
    id bigserial PRIMARY KEY,
    department text NOT NULL,
    channel text NOT NULL DEFAULT 'kafka',
    target text NOT NULL,
    categories text[],
    severities text[],
    subdistricts text[],
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (department, channel, target)
);
COMMENT ON COLUMN subscription.categories IS
    'Null: those of the code table that name the department.';

CREATE TABLE delivery (
    id bigserial PRIMARY KEY,
    subscription_id bigint NOT NULL REFERENCES subscription,
    incident_id text NOT NULL,
    seq integer NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    outcome text NOT NULL,
    detail text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (subscription_id, incident_id, seq, attempt)
);
