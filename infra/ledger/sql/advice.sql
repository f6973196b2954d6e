-- name: near
-- Open incidents in a box, or of which nobody knows well where they are, and those closed lately.
(SELECT region, id, record FROM incident
 WHERE is_open AND noticed_at >= $5
   AND (point IS NULL OR accuracy_m > $6
        OR point && ST_MakeEnvelope($1, $2, $3, $4, 4326))
 ORDER BY noticed_at DESC, id LIMIT $9)
UNION ALL
(SELECT region, id, record FROM incident
 WHERE region = ANY($8) AND closed_at >= $7 AND state = 'closed'
   AND point && ST_MakeEnvelope($1, $2, $3, $4, 4326)
 ORDER BY closed_at DESC, id LIMIT $9);

-- name: apart
-- Pairs of incidents that an operator keeps apart, each with all that it took in.
WITH RECURSIVE family AS (
    SELECT id, id AS root FROM incident WHERE id = ANY($1::text[])
    UNION
    SELECT i.id, f.root FROM incident AS i JOIN family AS f ON i.merged_into = f.id
)
SELECT DISTINCT one.root AS one, other.root AS other
FROM incident_link AS l
JOIN family AS one ON one.id = l.incident_id
JOIN family AS other ON other.id = l.other_id
WHERE l.kind = 'kept_apart' AND one.root <> other.root
ORDER BY one, other;

-- name: conditions
SELECT region, record FROM street_condition WHERE ended_at IS NULL ORDER BY region, id;

-- name: conditions_of
SELECT record FROM street_condition WHERE region = $1 AND ended_at IS NULL ORDER BY id;

-- name: region
SELECT clock, policy, city FROM region WHERE region = $1;

-- name: units
SELECT record FROM unit WHERE region = $1 ORDER BY id;

-- name: busy_with
SELECT record FROM incident
WHERE id = $1 OR id IN (SELECT incident_id FROM unit WHERE region = $2 AND incident_id IS NOT NULL)
ORDER BY id;

-- name: sent
SELECT record FROM assignment WHERE incident_id = $1 ORDER BY id;

-- name: placed
SELECT e.region, e.placed, e.score, e.reporter_ref IS NOT NULL AS reporter, i.id, i.number
FROM evidence AS e LEFT JOIN incident AS i ON i.id = e.incident_id
WHERE e.id = $1;

-- name: effects
SELECT effects FROM applied WHERE entry_id = $1 ORDER BY journal_offset LIMIT 1;

-- name: fences
SELECT r.region, f.city, f.id, f.kind, f.name, f.attributes,
       ST_AsGeoJSON(f.geom, 6) AS geometry
FROM fence AS f JOIN region AS r ON r.city = f.city
WHERE ($1::text IS NULL OR (r.region, f.id) > ($1, $2::text))
  AND ($3::text[] IS NULL OR f.kind = ANY($3))
  AND ($4::float8[] IS NULL
       OR f.geom && ST_MakeEnvelope(($4)[1], ($4)[2], ($4)[3], ($4)[4], 4326))
ORDER BY r.region, f.id
LIMIT $5;
