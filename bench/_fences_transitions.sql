-- $1, $2, $3: units, longitudes, latitudes, each unit once. Moves the units, and tells which fences
-- each was in before, is in now, or passed through in between.
WITH fix AS (
    SELECT id, now, before,
           -- A line of no length meets nothing.
           CASE WHEN before IS NULL OR ST_Equals(before, now) THEN now
                ELSE ST_MakeLine(before, now) END AS way
    FROM (
        SELECT u.id, ST_SetSRID(ST_MakePoint(u.lon, u.lat), 4326) AS now, b.geom AS before
        FROM unnest($1::text[], $2::float8[], $3::float8[]) AS u (id, lon, lat)
        LEFT JOIN bench_unit b USING (id)
    ) AS located
), moved AS (
    INSERT INTO bench_unit SELECT id, now FROM fix
    ON CONFLICT (id) DO UPDATE SET geom = excluded.geom
), met AS (
    SELECT fix.id, f.slot,
           coalesce(ST_Covers(f.geom, fix.before), false) AS was,
           ST_Covers(f.geom, fix.now) AS is_now
    FROM fix
    JOIN bench_fence f ON ST_Intersects(f.geom, fix.way)
)
SELECT id, slot,
       CASE WHEN is_now THEN 'enter' WHEN was THEN 'exit' ELSE 'cross' END AS kind
FROM met
WHERE NOT (was AND is_now)
