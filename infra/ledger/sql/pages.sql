-- name: incidents
SELECT i.record, i.opened_at, i.id, coalesce(a.units, '{}') AS units
FROM (
    SELECT id, opened_at, record FROM incident
    WHERE ($1::timestamptz IS NULL OR (opened_at, id) < ($1, $2::text))
      AND ($3::text[] IS NULL OR state = ANY($3))
      AND ($4::boolean IS NULL OR is_open = $4)
      AND ($5::text[] IS NULL OR severity = ANY($5))
      AND ($6::text[] IS NULL OR category = ANY($6))
      AND ($7::timestamptz IS NULL OR opened_at >= $7)
      AND ($8::float8[] IS NULL
           OR ST_Intersects(point, ST_MakeEnvelope(($8)[1], ($8)[2], ($8)[3], ($8)[4], 4326)))
      AND ($9::text IS NULL
           OR strpos(search_text(number, title, address), lower($9)) > 0)
      AND ($13::text IS NULL
           OR search_pairs(search_text(number, title, address)) @> search_pairs($13))
      AND ($14::timestamptz IS NULL OR opened_at < $14)
      AND ($15::text IS NULL OR starts_with(lower(number), lower($15)))
      AND ($10::text[] IS NULL OR category = ANY($10))
      -- As an array, or the planner walks all incidents until it meets the unit's.
      AND ($11::text IS NULL OR id = ANY (ARRAY(
           SELECT incident_id FROM assignment WHERE unit_id = $11 AND ended IS NULL)))
    ORDER BY opened_at DESC, id DESC
    LIMIT $12
) AS i
LEFT JOIN LATERAL (
    SELECT array_agg(unit_id ORDER BY dispatched, unit_id) AS units
    FROM assignment WHERE incident_id = i.id AND ended IS NULL
) AS a ON true
ORDER BY i.opened_at DESC, i.id DESC;

-- name: incident_horizon
SELECT opened_at FROM incident
WHERE ($1::timestamptz IS NULL OR (opened_at, id) < ($1, $2::text))
ORDER BY opened_at DESC, id DESC
OFFSET $3
LIMIT 1;

-- name: incident
SELECT i.record, i.opened_at, i.id, coalesce(a.units, '{}') AS units
FROM incident AS i
LEFT JOIN LATERAL (
    SELECT array_agg(unit_id ORDER BY dispatched, unit_id) AS units
    FROM assignment WHERE incident_id = i.id AND ended IS NULL
) AS a ON true
WHERE i.id = $1
  AND ($2::text[] IS NULL OR i.category = ANY($2))
  AND ($3::text IS NULL OR $3 = ANY(a.units));

-- name: timeline
SELECT incident_id AS incident, seq, at, kind, actor,
       coalesce(text_data, to_jsonb(text)) AS text,
       coalesce(reasons_data, to_jsonb(reasons)) AS reasons, cause, before, after
FROM incident_entry WHERE incident_id = $1 AND seq > $2 ORDER BY seq LIMIT $3;

-- name: evidence
WITH RECURSIVE family AS (
    SELECT $1::text AS id
    UNION
    SELECT i.id FROM incident AS i JOIN family AS f ON i.merged_into = f.id
)
SELECT e.record, e.placed, e.score, e.reasons, e.reasons_data,
       coalesce(e.placed_offset, -1) AS place, e.id
FROM evidence AS e
WHERE e.incident_id IN (SELECT id FROM family)
  AND ($2::bigint IS NULL OR (coalesce(e.placed_offset, -1), e.id) > ($2, $3::text))
ORDER BY coalesce(e.placed_offset, -1), e.id
LIMIT $4;

-- name: recommendation
SELECT at, record FROM recommendation WHERE incident_id = $1 ORDER BY id DESC LIMIT 1;

-- name: units
SELECT u.record, u.id FROM unit AS u
WHERE ($1::text IS NULL OR u.id > $1)
  AND ($2::text[] IS NULL OR u.kind = ANY($2))
  AND ($3::text[] IS NULL OR u.state = ANY($3))
  AND ($4::text IS NULL OR u.id = $4)
  AND ($5::text IS NULL OR u.department = $5)
ORDER BY u.id
LIMIT $6;

-- name: alerts
SELECT a.record, a.raised_at, a.id
FROM alert AS a JOIN incident AS i ON i.id = a.incident_id
WHERE ($1::timestamptz IS NULL OR (a.raised_at, a.id) < ($1, $2::text))
  AND ($3::boolean IS NULL OR (a.ended_at IS NULL) = $3)
  AND ($4::text[] IS NULL OR a.kind = ANY($4))
  AND ($5::timestamptz IS NULL OR a.raised_at >= $5)
  AND ($6::text[] IS NULL OR i.category = ANY($6))
  AND ($7::text IS NULL OR a.incident_id = ANY (ARRAY(
       SELECT incident_id FROM assignment WHERE unit_id = $7 AND ended IS NULL)))
ORDER BY a.raised_at DESC, a.id DESC
LIMIT $8;

-- name: conditions
SELECT c.record, c.region, c.id, c.ended_at
FROM street_condition AS c
WHERE ($1::text IS NULL OR (c.region, c.id) > ($1, $2::text))
  AND ($3::boolean IS NULL OR (c.ended_at IS NULL) = $3)
ORDER BY c.region, c.id
LIMIT $4;

-- name: condition
SELECT record, region, id, ended_at FROM street_condition WHERE id = $1 ORDER BY region LIMIT 1;

-- name: policies
SELECT region, clock, policy_version, policy FROM region WHERE policy IS NOT NULL ORDER BY region;

-- name: dead_letters
SELECT topic, error, count(*) AS letters, count(redriven_at) AS redriven, min(at) AS first,
       max(at) AS last
FROM dead_letter_summary
WHERE at >= $1
GROUP BY topic, error
ORDER BY letters DESC, topic, error
LIMIT 500;

-- name: commands
SELECT c.id AS command, c.incident_id AS incident, i.number, c.operator, c.action,
       c.expected_version, c.outcome, c.reason, c.reason_data, c.version, c.at, c.changes,
       c.changes_data
FROM command AS c
LEFT JOIN incident AS i ON i.id = c.incident_id
WHERE c.outcome IS NOT NULL
  AND ($1::timestamptz IS NULL OR (c.at, c.id) < ($1, $2::text))
  AND ($3::text IS NULL OR c.operator = $3)
  AND ($4::text IS NULL OR c.incident_id = $4)
ORDER BY c.at DESC, c.id DESC
LIMIT $5;
