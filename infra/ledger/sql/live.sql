-- name: entries
SELECT e.incident_id AS incident, e.seq, e.at, e.kind, e.actor,
       coalesce(e.text_data, to_jsonb(e.text)) AS text,
       coalesce(e.reasons_data, to_jsonb(e.reasons)) AS reasons, e.cause,
       e.before, e.after, i.number, i.severity, i.title
FROM incident_entry AS e JOIN incident AS i ON i.id = e.incident_id
WHERE e.at >= $1
ORDER BY e.at DESC, e.incident_id, e.seq DESC
LIMIT $2;

-- name: assignments
SELECT a.record, i.number, u.name, u.state
FROM assignment AS a
JOIN incident AS i ON i.id = a.incident_id
JOIN unit AS u ON u.id = a.unit_id
WHERE a.ended IS NULL
ORDER BY a.dispatched, a.unit_id;

-- name: alerts
SELECT record FROM alert WHERE ended_at IS NULL ORDER BY priority, kind <> 'unread', raised_at, id
LIMIT $1;
