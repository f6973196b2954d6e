-- name: evidence
SELECT source, source_id, incident_id, coalesce(placed, '') AS placed, observed_at, received_at
FROM evidence WHERE region = $1 AND received_at >= $2;

-- name: incidents
SELECT i.id, i.category, i.state, i.opened_at, i.merged_into, min(a.dispatched) AS dispatched_at,
       i.severity
FROM incident AS i LEFT JOIN assignment AS a ON a.incident_id = i.id
WHERE i.region = $1 AND i.opened_at >= $2
GROUP BY i.id;

-- name: openings
SELECT DISTINCT ON (i.id)
    i.id AS incident, e.received_at,
    EXISTS (
        SELECT FROM incident_entry AS first JOIN incident_entry AS sent
            ON sent.incident_id = first.incident_id AND sent.cause = first.cause
        WHERE first.incident_id = i.id AND first.seq = 1
          AND sent.kind = 'assigned' AND sent.actor = 'policy'
    ) AS at_once,
    (SELECT min(recorded_at) FROM assignment WHERE incident_id = i.id) AS recorded_at,
    (SELECT count(*) FROM assignment WHERE incident_id = i.id) AS assignments
FROM incident AS i JOIN evidence AS e
    ON e.incident_id = i.id AND e.placed IN ('opened', 'asked')
WHERE i.region = $1 AND i.opened_at >= $2
ORDER BY i.id, e.received_at;

-- name: consumed
SELECT topic, partition, next_offset FROM consumed WHERE consumer_group = $1;

-- name: stored_reports
SELECT topic, partition, record_offset FROM evidence WHERE topic = $1
UNION ALL
SELECT topic, partition, record_offset FROM dead_letter WHERE topic = $1;

-- name: known_reports
SELECT DISTINCT source_id FROM evidence WHERE source = 'report' AND region = $1;

-- name: waiting
SELECT count(*) FROM outbox;

-- name: present
SELECT count(*) FROM unit
WHERE region = $1 AND state = 'available' AND assignment_id IS NULL AND status_at >= $2;

-- name: dead_letters
SELECT error, count(*) AS letters FROM dead_letter AS d
JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS start (topic, partition, first)
    ON start.topic = d.topic AND start.partition = d.partition
WHERE d.record_offset >= start.first
GROUP BY error ORDER BY letters DESC, error;
