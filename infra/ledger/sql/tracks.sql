-- name: units
SELECT unit_id AS unit, count(*) AS fixes, min(at) AS first, max(at) AS last
FROM unit_track
WHERE unit_id = ANY($1::text[])
    AND ($2::timestamptz IS NULL OR at >= $2)
    AND ($3::timestamptz IS NULL OR at < $3)
GROUP BY unit_id
ORDER BY unit_id;

-- name: fixes
SELECT at, ST_X(point) AS lon, ST_Y(point) AS lat, accuracy_m, speed_mps, heading_deg
FROM unit_track
WHERE unit_id = $1 AND at >= $2 AND at < $3
ORDER BY at;

-- name: next
SELECT min(at) FROM unit_track
WHERE unit_id = $1 AND at >= $2 AND ($3::timestamptz IS NULL OR at < $3);

-- name: duties
SELECT dispatched, on_scene, to_facility, clear
FROM assignment
WHERE unit_id = $1 AND dispatched < $3 AND (clear IS NULL OR clear >= $2)
ORDER BY dispatched, id;
