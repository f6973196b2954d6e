-- name: incidents
SELECT i.record, coalesce(a.units, '{}') AS units
FROM incident AS i
LEFT JOIN LATERAL (
    SELECT array_agg(unit_id ORDER BY dispatched, unit_id) AS units
    FROM assignment WHERE incident_id = i.id AND ended IS NULL
) AS a ON true
WHERE ($1::text[] IS NULL OR i.state = ANY($1))
  AND ($2::boolean IS NULL OR i.is_open = $2)
  AND ($3::text[] IS NULL OR i.severity = ANY($3))
  AND ($4::text[] IS NULL OR i.category = ANY($4))
  AND ($5::timestamptz IS NULL OR i.opened_at >= $5)
ORDER BY i.is_open AND i.severity = 'unknown' DESC, i.opened_at DESC, i.number DESC
LIMIT $6;

-- name: find
SELECT id, number FROM incident
WHERE id = $1 OR number = $1
   OR starts_with(id, $1) OR starts_with(number, $1)
   OR right(number, length($1) + 1) = '-' || $1
ORDER BY (id = $1 OR number = $1) DESC, opened_at DESC, number DESC
LIMIT 6;

-- name: incident
SELECT record FROM incident WHERE id = $1;

-- name: timeline
SELECT incident_id AS incident, seq, at, kind, actor,
       coalesce(text_data, to_jsonb(text)) AS text,
       coalesce(reasons_data, to_jsonb(reasons)) AS reasons, cause, before, after
FROM incident_entry WHERE incident_id = $1 ORDER BY seq;

-- name: assignments
SELECT record FROM assignment WHERE incident_id = $1 ORDER BY dispatched, id;

-- name: evidence
WITH RECURSIVE family AS (
    SELECT $1::text AS id
    UNION
    SELECT i.id FROM incident AS i JOIN family AS f ON i.merged_into = f.id
)
SELECT e.record, e.placed, e.score, e.reasons, e.reasons_data, o.record AS opinion
FROM evidence AS e LEFT JOIN opinion AS o ON o.evidence_id = e.id
WHERE e.incident_id IN (SELECT id FROM family)
ORDER BY e.placed_offset NULLS FIRST, e.received_at, e.id
LIMIT $2 OFFSET $3;

-- name: find_evidence
SELECT id FROM evidence
WHERE incident_id = $1 AND (starts_with(id, $2) OR source_id = $2)
ORDER BY id = $2 DESC, id
LIMIT 6;

-- name: alerts
SELECT record FROM alert WHERE incident_id = $1 ORDER BY raised_at, id;

-- name: recommendations
SELECT at, record FROM recommendation WHERE incident_id = $1 ORDER BY id;

-- name: links
SELECT incident_id AS incident, other_id AS other, kind, at FROM incident_link
WHERE incident_id = $1 OR other_id = $1 ORDER BY at, incident_id, other_id, kind;

-- name: find_unit
SELECT id FROM unit
WHERE region = $1 AND ($2 IN (id, name) OR id = region || '-' || $2)
ORDER BY (id = $2) DESC, id
LIMIT 6;

-- name: units
SELECT record FROM unit ORDER BY id;

-- name: unit_names
SELECT id, name FROM unit WHERE id = ANY($1::text[]) ORDER BY id;

-- name: numbers
SELECT id, number FROM incident WHERE id = ANY($1::text[]) ORDER BY id;

-- name: refusals
SELECT unit_id AS unit, status, at, stamped_by AS by, reason, reason_data FROM stamp_refused
WHERE $1::text IS NULL OR unit_id = $1
ORDER BY id DESC
LIMIT $2;

-- name: policies
SELECT DISTINCT policy FROM region WHERE policy IS NOT NULL;

-- name: consumed
SELECT consumer_group, topic, sum(next_offset)::bigint AS messages
FROM consumed GROUP BY 1, 2 ORDER BY 1, 2;

-- name: incidents_by_state
SELECT state, count(*) AS incidents FROM incident GROUP BY 1 ORDER BY 1;

-- name: units_by_state
SELECT state, count(*) AS units FROM unit GROUP BY 1 ORDER BY 1;

-- name: outbox_by_lane
SELECT lane, count(*) AS messages FROM outbox GROUP BY 1 ORDER BY 1;

-- name: dead_letters_by_reason
SELECT error || ': ' || reason AS reason, count(*) AS letters
FROM dead_letter
WHERE redriven_at IS NULL AND ($1::timestamptz IS NULL OR at >= $1)
GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: dead_letters_by_error
SELECT error, count(*) AS letters
FROM dead_letter WHERE $1::timestamptz IS NULL OR at >= $1
GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: counts
SELECT
    (SELECT count(*) FROM evidence) AS evidence,
    (SELECT count(*) FROM evidence WHERE placed IS NULL) AS evidence_unplaced,
    (SELECT count(*) FROM opinion WHERE at > now() - interval '1 hour') AS opinions_last_hour,
    (SELECT count(*) FROM alarm) AS datastreams,
    (SELECT count(*) FROM alarm WHERE open) AS alarms_open,
    (SELECT count(*) FROM alert WHERE ended_at IS NULL) AS alerts_active,
    (SELECT count(*) FROM assignment WHERE ended IS NULL) AS assignments_active,
    (SELECT count(*) FROM street_condition WHERE ended_at IS NULL) AS conditions_in_force,
    (SELECT count(*) FROM outbox_refused WHERE settled_at IS NULL) AS outbox_refused;

-- name: regions
SELECT region, clock, applied_offset, policy_version, city FROM region ORDER BY region;

-- name: dead_letters
SELECT id, topic, partition, record_offset AS offset, key, value, headers, reason, error, agent,
       at, redriven_at
FROM dead_letter
WHERE ($1::text IS NULL OR topic = $1)
  AND ($2::text IS NULL OR strpos(error || ': ' || reason, $2) > 0)
  AND ($3 OR redriven_at IS NULL)
ORDER BY id DESC
LIMIT $4;

-- name: dead_letter
SELECT id, topic, partition, record_offset AS offset, key, value, headers, reason, error, agent,
       at, redriven_at
FROM dead_letter WHERE id = $1;

-- name: mark_redriven
UPDATE dead_letter SET redriven_at = clock_timestamp() WHERE id = ANY($1::bigint[]);

-- name: report_to_assignment
SELECT extract(epoch FROM first.recorded_at - e.received_at)::float8 * 1000 AS ms
FROM evidence AS e
JOIN LATERAL (
    SELECT recorded_at, assigned_by FROM assignment
    WHERE incident_id = e.incident_id
    ORDER BY recorded_at, id LIMIT 1
) AS first ON first.assigned_by = 'policy'
WHERE e.placed IN ('opened', 'asked') AND ($1::timestamptz IS NULL OR e.received_at >= $1)
ORDER BY ms;

-- name: summary
SELECT
    (SELECT count(*) FROM evidence WHERE $1::timestamptz IS NULL OR recorded_at >= $1) AS evidence,
    (SELECT count(*) FROM incident WHERE $1::timestamptz IS NULL OR recorded_at >= $1) AS incidents,
    (SELECT count(DISTINCT a.incident_id) FROM assignment AS a
     WHERE $1::timestamptz IS NULL OR a.recorded_at >= $1) AS dispatched,
    (SELECT count(*) FROM assignment
     WHERE $1::timestamptz IS NULL OR recorded_at >= $1) AS assignments;
