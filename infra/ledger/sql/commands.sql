-- name: answers
SELECT c.id AS command, c.incident_id AS incident, i.number, c.operator, c.action,
       c.expected_version, c.outcome, c.reason, c.reason_data, c.version, c.at, c.changes,
       c.changes_data
FROM command AS c
LEFT JOIN incident AS i ON i.id = c.incident_id
WHERE c.id = ANY($1::text[]) AND c.outcome IS NOT NULL;

-- name: history
SELECT c.id AS command, c.incident_id AS incident, i.number, c.operator, c.action,
       c.expected_version, c.outcome, c.reason, c.reason_data, c.version, c.at, c.changes,
       c.changes_data
FROM command AS c
LEFT JOIN incident AS i ON i.id = c.incident_id
WHERE c.outcome IS NOT NULL
  AND ($1::text IS NULL OR c.operator = $1)
  AND ($2::text IS NULL OR c.incident_id = $2)
ORDER BY c.at DESC, c.recorded_at DESC, c.id
LIMIT $3;
