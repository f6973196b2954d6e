-- name: open
SELECT i.id AS incident, i.number, i.severity, i.category, i.state, i.address, i.opened_at,
       i.acknowledged_by, i.short <> '[]' AS short,
       (SELECT count(*) FROM assignment AS a WHERE a.incident_id = i.id AND a.ended IS NULL) AS units
FROM incident AS i
WHERE i.is_open
ORDER BY i.opened_at, i.id;

-- name: promised
SELECT a.incident_id AS incident, i.number, a.unit_id AS unit, u.name, u.state, a.dispatched,
       a.dispatched + make_interval(secs => a.eta_s) AS expected, a.assigned_by AS by
FROM assignment AS a
JOIN incident AS i ON i.id = a.incident_id
JOIN unit AS u ON u.id = a.unit_id
WHERE a.ended IS NULL AND a.on_scene IS NULL
ORDER BY expected, a.unit_id;

-- name: overridden
SELECT c.at, c.operator AS by, c.incident_id AS incident, i.number, c.action
FROM command AS c LEFT JOIN incident AS i ON i.id = c.incident_id
WHERE c.outcome = 'accepted' AND c.at >= $1
  AND (c.action ->> 'action' IN ('override', 'unassign', 'classify')
       OR c.action ->> 'action' = 'assign' AND c.action -> 'units' <> '[]')
ORDER BY c.at DESC, c.id DESC
LIMIT $2;

-- name: insert
INSERT INTO handover (id, since, at, given_by, content) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: take
UPDATE handover SET taken_by = $2, taken_at = clock_timestamp()
WHERE id = $1 AND taken_by IS NULL AND given_by <> $2
RETURNING id;

-- name: one
SELECT id, since, at, given_by, taken_by, taken_at, content FROM handover WHERE id = $1;

-- name: page
SELECT id, since, at, given_by, taken_by, taken_at FROM handover
WHERE ($1::timestamptz IS NULL OR (at, id) < ($1, $2::text))
ORDER BY at DESC, id DESC
LIMIT $3;
