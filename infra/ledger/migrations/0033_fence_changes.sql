-- Fences that administrators drew, moved, renamed or removed, as the core took them over. A city's
-- fences are those of its files with these changes, in order; the table fence has the outcome.

ALTER TABLE region ADD COLUMN fences bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN region.fences IS 'Number of the last change of a fence.';

CREATE TABLE fence_change (
    region text NOT NULL,
    number bigint NOT NULL CHECK (number >= 1),
    city text NOT NULL,
    fence_id text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    shape bytea NOT NULL,
    geom geometry(MultiPolygon, 4326),
    attributes jsonb NOT NULL,
    operator text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    entry_id text NOT NULL,
    PRIMARY KEY (region, number)
);
CREATE INDEX fence_change_city ON fence_change (city, number);
CREATE TRIGGER fence_change_only_grows BEFORE UPDATE OR DELETE ON fence_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fence_change_not_truncated BEFORE TRUNCATE ON fence_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON COLUMN fence_change.geom IS 'NULL where the fence was removed.';

GRANT SELECT, INSERT ON fence_change TO jingwei_worker;
GRANT SELECT ON fence_change TO jingwei_gateway;
