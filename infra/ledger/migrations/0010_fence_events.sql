-- Units among the city's fences: where each was last, and the terms under which it is judged.

CREATE TABLE unit_fences (
    partition integer NOT NULL,
    unit_id text NOT NULL,
    at timestamptz NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    margin_m double precision NOT NULL,
    fences text[] NOT NULL,
    since timestamptz[] NOT NULL,
    PRIMARY KEY (partition, unit_id),
    CHECK (cardinality(fences) = cardinality(since))
) WITH (fillfactor = 50);
COMMENT ON TABLE unit_fences IS
    'A unit''s last fix and the fences it is in, by the partition its positions come in.';
COMMENT ON COLUMN unit_fences.margin_m IS
    'Borders within it of the last fix were too near to tell; 0: the fix was taken for exact.';
COMMENT ON COLUMN unit_fences.since IS 'When each visit began, in the order of fences.';

CREATE TABLE fence_terms (
    partition integer NOT NULL,
    number integer NOT NULL CHECK (number >= 1),
    from_offset bigint NOT NULL,
    city text NOT NULL,
    terms bytea NOT NULL,
    until timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (partition, number)
);
CREATE TRIGGER fence_terms_only_grows BEFORE UPDATE OR DELETE ON fence_terms
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fence_terms_not_truncated BEFORE TRUNCATE ON fence_terms
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE fence_terms IS
    'How positions from an offset of a partition on were judged, until the next row: what a '
    'replay needs to tell the same fence events again.';
COMMENT ON COLUMN fence_terms.terms IS 'Canonical JSON: city, kinds, dwell, hysteresis, detect.';
COMMENT ON COLUMN fence_terms.until IS 'Fences that end by then had been ended before the offset.';

GRANT SELECT, INSERT, UPDATE ON unit_fences TO jingwei_worker;
GRANT SELECT, INSERT ON fence_terms TO jingwei_worker;
GRANT SELECT ON unit_fences, fence_terms TO jingwei_gateway;
