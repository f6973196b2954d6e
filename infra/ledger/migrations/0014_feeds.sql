-- Who was told of an incident, days' partitions made without standing in anybody's way, and
-- outbox lanes that are the same for every group.

CREATE TABLE feed_told (
    subscription_id bigint NOT NULL REFERENCES subscription ON DELETE CASCADE,
    incident_id text NOT NULL,
    target text NOT NULL,
    seq integer NOT NULL CHECK (seq >= 1),
    missing integer[] NOT NULL DEFAULT '{}',
    told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (subscription_id, incident_id)
) WITH (fillfactor = 50);
CREATE INDEX feed_told_at ON feed_told (told_at);
COMMENT ON TABLE feed_told IS
    'Incidents that a feed''s filter has let through once: their later lines go there, too.';
COMMENT ON COLUMN feed_told.target IS 'The topic it was told on: another one begins anew.';
COMMENT ON COLUMN feed_told.seq IS 'The last line that was told.';
COMMENT ON COLUMN feed_told.missing IS 'Lines before it that have not come: told when they do.';
GRANT SELECT, INSERT, UPDATE, DELETE ON feed_told TO jingwei_worker;
GRANT SELECT ON feed_told TO jingwei_gateway;

-- CREATE TABLE … PARTITION OF would lock the parent against everybody. ATTACH lets those who
-- write other days go on, and locks only the default partition, whose fixes of the day are
-- moved. Call it in a transaction of its own. It gives up after a moment where somebody reads
-- or writes the default: those behind it in the queue are not to stand still for it.
CREATE OR REPLACE FUNCTION make_track_partitions(days date[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
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
        LOCK TABLE unit_track IN SHARE UPDATE EXCLUSIVE MODE;  -- one at a time; writers go on
        name := to_char(day, '"unit_track_"YYYYMMDD');
        since := day::timestamp AT TIME ZONE 'UTC';
        until := (day + 1)::timestamp AT TIME ZONE 'UTC';
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE unit_track INCLUDING ALL)', name);
        LOCK TABLE unit_track_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format(
            'WITH moved AS (DELETE FROM unit_track_default WHERE at >= %L AND at < %L RETURNING *)'
            ' INSERT INTO %I SELECT * FROM moved', since, until, name
        );
        EXECUTE format(
            'ALTER TABLE unit_track ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, since, until
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- The days that want a partition: those that fixes come for now, and those whose fixes came
-- when there was none.
CREATE FUNCTION track_days_wanted() RETURNS date[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
    SELECT array_agg(DISTINCT day) FROM (
        SELECT current_date + n AS day FROM generate_series(-1, 1) AS n
        UNION ALL
        SELECT (at AT TIME ZONE 'UTC')::date FROM unit_track_default
    ) AS days
    WHERE day BETWEEN current_date - 400 AND current_date + 1
      AND to_regclass(to_char(day, '"unit_track_"YYYYMMDD')) IS NULL
$$;
REVOKE ALL ON FUNCTION track_days_wanted() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION track_days_wanted() TO jingwei_worker;

-- A lane was group/topic/partition: what a group left was nobody's once its name was changed.
UPDATE outbox SET lane = substring(lane FROM '[^/]+/[^/]+$') WHERE lane ~ '/[^/]+/';
UPDATE outbox_refused SET lane = substring(lane FROM '[^/]+/[^/]+$') WHERE lane ~ '/[^/]+/';
COMMENT ON COLUMN outbox.lane IS
    'topic/partition whose processing wrote the row: its fence makes ids commit in order.';
