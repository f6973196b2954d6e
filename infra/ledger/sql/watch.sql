-- name: units
SELECT unit_id, at, lon, lat, margin_m, fences, since FROM unit_fences WHERE partition = $1;

-- name: save_units
INSERT INTO unit_fences (partition, unit_id, at, lon, lat, margin_m, fences, since)
SELECT $1, u.unit, u.at, u.lon, u.lat, u.margin_m, u.fences, u.since
FROM jsonb_to_recordset($2::jsonb) AS u (
    unit text, at timestamptz, lon float8, lat float8, margin_m float8, fences text[],
    since timestamptz[]
)
ON CONFLICT (partition, unit_id) DO UPDATE
SET at = excluded.at, lon = excluded.lon, lat = excluded.lat, margin_m = excluded.margin_m,
    fences = excluded.fences, since = excluded.since;

-- name: terms
SELECT partition, number, from_offset, city, terms, until FROM fence_terms
WHERE partition = $1 ORDER BY number;

-- name: last_terms
SELECT partition, number, from_offset, city, terms, until FROM fence_terms
WHERE partition = $1 ORDER BY number DESC LIMIT 1;

-- name: add_terms
INSERT INTO fence_terms (partition, number, from_offset, city, terms, until)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: watched_partitions
SELECT DISTINCT partition FROM fence_terms ORDER BY partition;

-- name: names
SELECT id, kind, name FROM fence WHERE city = $1
UNION ALL
SELECT id, kind, name FROM (
    SELECT DISTINCT ON (fence_id) fence_id AS id, kind, name, geom
    FROM fence_change WHERE city = $1 ORDER BY fence_id, number DESC
) AS latest
WHERE geom IS NULL;

-- name: refused
SELECT record_offset FROM dead_letter_summary WHERE topic = $1 AND partition = $2;
