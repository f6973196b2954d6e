-- name: region
SELECT clock, applied_offset, forgotten_until, policy, city, numbers
FROM region WHERE region = $1;

-- name: incidents
SELECT record FROM incident
WHERE region = $1 AND (closed_at IS NULL OR closed_at > $2 OR $2 IS NULL);

-- name: units
SELECT record FROM unit WHERE region = $1;

-- name: assignments
SELECT a.record FROM assignment AS a JOIN incident AS i ON i.id = a.incident_id
WHERE i.region = $1 AND (i.closed_at IS NULL OR i.closed_at > $2 OR $2 IS NULL);

-- name: alerts
SELECT record FROM alert WHERE region = $1 AND ended_at IS NULL;

-- name: conditions
SELECT record FROM street_condition WHERE region = $1 AND ended_at IS NULL;

-- name: timers
SELECT kind, subject, due FROM timer WHERE region = $1;

-- name: separations
SELECT l.incident_id, l.other_id
FROM incident_link AS l
JOIN incident AS i ON i.id = l.incident_id
WHERE i.region = $1 AND l.kind = 'kept_apart'
  AND (i.closed_at IS NULL OR i.closed_at > $2 OR $2 IS NULL);

-- name: seen
SELECT entry_id FROM applied WHERE region = $1 ORDER BY journal_offset DESC LIMIT $2;

-- name: applied_range
SELECT journal_offset, entry_id, entry_kind, at, effects
FROM applied WHERE region = $1 AND journal_offset BETWEEN $2 AND $3
ORDER BY journal_offset;

-- name: first_applied
SELECT min(journal_offset) FROM applied WHERE region = $1;

-- name: deciders
SELECT from_offset, software FROM decider
WHERE region = $1 AND from_offset <= $3
  AND from_offset >= coalesce(
      (SELECT max(from_offset) FROM decider WHERE region = $1 AND from_offset <= $2), 0)
ORDER BY from_offset;
