-- name: region
SELECT clock, applied_offset, policy, city, numbers, fences
FROM region WHERE region = $1;

-- name: incidents
SELECT record FROM incident WHERE region = $1 AND forgotten_at IS NULL;

-- name: notes
SELECT e.incident_id, e.record, o.record AS opinion
FROM evidence AS e LEFT JOIN opinion AS o ON o.evidence_id = e.id
WHERE e.incident_id IN (SELECT remembered($1))
  AND e.placed IN ('opened', 'asked', 'attached', 'split')
ORDER BY e.placed_offset NULLS FIRST, e.received_at, e.id;

-- name: mergers
SELECT record FROM incident_merge
WHERE undone_at IS NULL AND incident_id IN (SELECT remembered($1));

-- name: units
SELECT record FROM unit WHERE region = $1;

-- name: assignments
SELECT record FROM assignment WHERE incident_id IN (SELECT remembered($1));

-- name: alerts
SELECT record FROM alert WHERE region = $1 AND ended_at IS NULL;

-- name: conditions
SELECT record FROM street_condition WHERE region = $1 AND ended_at IS NULL;

-- name: timers
SELECT kind, subject, due FROM timer WHERE region = $1;

-- name: separations
SELECT incident_id, other_id FROM incident_link
WHERE kind = 'kept_apart' AND incident_id IN (SELECT remembered($1));

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
