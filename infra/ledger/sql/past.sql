-- name: incidents
-- As the last line of its timeline before then left each: its version is that line's number. What
-- is open now, and what has changed since then, is all that can have been open.
WITH candidate AS (
    SELECT id FROM incident WHERE is_open AND opened_at <= $1
    UNION
    SELECT incident_id FROM incident_entry WHERE at > $1
)
SELECT i.id, line.seq, line.cause, CASE WHEN i.version = line.seq THEN i.record END AS record
FROM candidate AS c
JOIN incident AS i ON i.id = c.id
CROSS JOIN LATERAL (
    SELECT seq, cause FROM incident_entry
    WHERE incident_id = c.id AND at <= $1
    ORDER BY seq DESC LIMIT 1
) AS line;

-- name: effects
SELECT effects FROM applied WHERE entry_id = ANY($1::text[]);

-- name: assignments
-- Those that the units name; of units that are not known, by the stamps.
SELECT record FROM assignment WHERE id = ANY($2::text[])
UNION ALL
SELECT record FROM assignment
WHERE unit_id = ANY($3::text[]) AND incident_id = ANY($4::text[])
  AND dispatched <= $1 AND (ended IS NULL OR clear > $1);

-- name: alerts
SELECT record FROM alert
WHERE incident_id = ANY($2::text[]) AND raised_at <= $1 AND (ended_at IS NULL OR ended_at > $1)
ORDER BY id;

-- name: regions
SELECT r.region, a.first, r.applied_offset AS last
FROM region AS r
CROSS JOIN LATERAL (
    SELECT min(journal_offset) AS first FROM applied WHERE region = r.region
) AS a
WHERE a.first IS NOT NULL;

-- name: from_offset
SELECT journal_offset, at FROM applied
WHERE region = $1 AND journal_offset >= $2
ORDER BY journal_offset LIMIT 1;

-- name: units_before
SELECT journal_offset,
       CASE WHEN position('"effect":"unit"'::bytea IN effects) > 0 THEN effects END AS effects
FROM (
    SELECT journal_offset, effects FROM applied
    WHERE region = $1 AND journal_offset <= $2
    ORDER BY journal_offset DESC LIMIT $3
) AS behind
ORDER BY journal_offset DESC;
