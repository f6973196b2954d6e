-- Incidents, who is sent to them, and what was decided why. Columns are what an operator
-- asks for; `record` is the canonical JSON that a core is restored from.

CREATE TABLE incident (
    id text PRIMARY KEY,
    region text NOT NULL,
    number text NOT NULL,
    version integer NOT NULL,
    category text NOT NULL,
    severity text NOT NULL,
    confidence double precision NOT NULL,
    state text NOT NULL,
    is_open boolean NOT NULL,
    title text NOT NULL,
    point geometry(Point, 4326),
    accuracy_m double precision,
    district text,
    subdistrict text,
    beat text,
    hazard_zones text[] NOT NULL,
    address text,
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    noticed_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    resourced_at timestamptz,
    reopened_at timestamptz,
    closed_at timestamptz,
    disposition text,
    possible_duplicate_of text,
    merged_into text,
    short text[] NOT NULL,
    evidence_ids text[] NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    record bytea NOT NULL,
    UNIQUE (region, number)
) WITH (fillfactor = 70);
CREATE INDEX incident_point ON incident USING gist (point);
CREATE INDEX incident_open ON incident (region, severity, opened_at) WHERE is_open;
CREATE INDEX incident_opened ON incident (opened_at);
CREATE INDEX incident_closed ON incident (region, closed_at);

CREATE TABLE incident_entry (
    incident_id text NOT NULL REFERENCES incident,
    seq integer NOT NULL CHECK (seq >= 1),
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    text text NOT NULL,
    reasons text[] NOT NULL,
    cause text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (incident_id, seq)
);
CREATE INDEX incident_entry_at ON incident_entry (at);

CREATE TRIGGER incident_entry_only_grows BEFORE UPDATE OR DELETE ON incident_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER incident_entry_not_truncated BEFORE TRUNCATE ON incident_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION next_in_timeline() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last integer;
BEGIN
    SELECT max(seq) INTO last FROM incident_entry WHERE incident_id = NEW.incident_id;
    IF NEW.seq <> coalesce(last, 0) + 1 THEN
        RAISE EXCEPTION 'timeline of incident % has % entries, the next is not number %',
            NEW.incident_id, coalesce(last, 0), NEW.seq
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER incident_entry_gapless BEFORE INSERT ON incident_entry
    FOR EACH ROW EXECUTE FUNCTION next_in_timeline();

CREATE TABLE incident_link (
    incident_id text NOT NULL REFERENCES incident,
    other_id text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (incident_id, other_id, kind)
);
CREATE INDEX incident_link_other ON incident_link (other_id);

CREATE TABLE unit (
    id text PRIMARY KEY,
    region text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    department text NOT NULL,
    capabilities text[] NOT NULL,
    station text NOT NULL,
    home geometry(Point, 4326) NOT NULL,
    state text NOT NULL,
    position geometry(Point, 4326) NOT NULL,
    position_at timestamptz,
    heading_deg double precision,
    status_at timestamptz,
    assignment_id text,
    incident_id text,
    reason text,
    record bytea NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX unit_position ON unit USING gist (position);
CREATE INDEX unit_region ON unit (region);

CREATE TABLE assignment (
    id text PRIMARY KEY,
    region text NOT NULL,
    incident_id text NOT NULL REFERENCES incident,
    unit_id text NOT NULL REFERENCES unit,
    capability text NOT NULL,
    assigned_by text NOT NULL,
    eta_s double precision NOT NULL,
    reasons text[] NOT NULL,
    route geometry(LineString, 4326),
    route_m double precision,
    route_s double precision,
    streets text[],
    dispatched timestamptz NOT NULL,
    acknowledged timestamptz,
    en_route timestamptz,
    on_scene timestamptz,
    to_facility timestamptz,
    at_facility timestamptz,
    clear timestamptz,
    ended text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    record bytea NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX assignment_one_active_per_unit ON assignment (unit_id) WHERE ended IS NULL;
CREATE INDEX assignment_incident ON assignment (incident_id);
CREATE INDEX assignment_route ON assignment USING gist (route);
COMMENT ON COLUMN assignment.recorded_at IS 'When the ledger first had it, by the wall clock.';

CREATE FUNCTION stamps_are_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stamp text;
BEGIN
    stamp := CASE
        WHEN OLD.dispatched <> NEW.dispatched THEN 'dispatched'
        WHEN OLD.acknowledged IS DISTINCT FROM coalesce(NEW.acknowledged, '-infinity')
            AND OLD.acknowledged IS NOT NULL THEN 'acknowledged'
        WHEN OLD.en_route IS DISTINCT FROM coalesce(NEW.en_route, '-infinity')
            AND OLD.en_route IS NOT NULL THEN 'en_route'
        WHEN OLD.on_scene IS DISTINCT FROM coalesce(NEW.on_scene, '-infinity')
            AND OLD.on_scene IS NOT NULL THEN 'on_scene'
        WHEN OLD.to_facility IS DISTINCT FROM coalesce(NEW.to_facility, '-infinity')
            AND OLD.to_facility IS NOT NULL THEN 'to_facility'
        WHEN OLD.at_facility IS DISTINCT FROM coalesce(NEW.at_facility, '-infinity')
            AND OLD.at_facility IS NOT NULL THEN 'at_facility'
        WHEN OLD.clear IS DISTINCT FROM coalesce(NEW.clear, '-infinity')
            AND OLD.clear IS NOT NULL THEN 'clear'
        WHEN OLD.ended IS DISTINCT FROM NEW.ended AND OLD.ended IS NOT NULL THEN 'ended'
        WHEN OLD.unit_id <> NEW.unit_id THEN 'unit_id'
        WHEN OLD.incident_id <> NEW.incident_id THEN 'incident_id'
    END;
    IF stamp IS NOT NULL THEN
        RAISE EXCEPTION 'assignment %: % is written once and never changes', OLD.id, stamp
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER assignment_stamps_once BEFORE UPDATE ON assignment
    FOR EACH ROW EXECUTE FUNCTION stamps_are_written_once();

CREATE TABLE recommendation (
    id bigserial PRIMARY KEY,
    incident_id text NOT NULL REFERENCES incident,
    at timestamptz NOT NULL,
    policy text NOT NULL,
    requirements text[] NOT NULL,
    short text[] NOT NULL,
    reasons jsonb NOT NULL,
    candidates jsonb NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX recommendation_incident ON recommendation (incident_id, id);
CREATE TRIGGER recommendation_only_grows BEFORE UPDATE ON recommendation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE alert (
    id text PRIMARY KEY,
    region text NOT NULL,
    incident_id text NOT NULL REFERENCES incident,
    kind text NOT NULL,
    priority smallint NOT NULL,
    text text NOT NULL,
    raised_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    record bytea NOT NULL
);
CREATE INDEX alert_active ON alert (region, priority, raised_at) WHERE ended_at IS NULL;
CREATE INDEX alert_incident ON alert (incident_id);

CREATE TABLE street_condition (
    region text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    segments text[] NOT NULL,
    speed_factor double precision,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    reason text NOT NULL,
    ended_at timestamptz,
    record bytea NOT NULL,
    PRIMARY KEY (region, id)
);

CREATE TABLE stamp_refused (
    id bigserial PRIMARY KEY,
    region text NOT NULL,
    unit_id text NOT NULL,
    status text NOT NULL,
    at timestamptz NOT NULL,
    stamped_by text NOT NULL,
    reason text NOT NULL
);
CREATE INDEX stamp_refused_unit ON stamp_refused (unit_id, at);

CREATE TABLE command (
    id text PRIMARY KEY,
    region text NOT NULL,
    incident_id text NOT NULL,
    operator text NOT NULL,
    action jsonb,
    expected_version integer,
    outcome text,
    reason text,
    version integer,
    at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX command_incident ON command (incident_id);
COMMENT ON COLUMN command.outcome IS 'accepted or refused; null until the core has answered.';
