-- Each statement returns one sentence per violation, at most 20. Parameter $1, where used, is
-- how many seconds what is under way has to settle.

-- name: unit_once
SELECT format('unit %s has %s active assignments', unit_id, count(*))
FROM assignment WHERE ended IS NULL
GROUP BY unit_id HAVING count(*) > 1
ORDER BY 1 LIMIT 20;

-- name: unit_agrees_with_assignment
SELECT format('unit %s says assignment %s, the active one is %s',
              u.id, coalesce(u.assignment_id, 'none'), coalesce(a.id, 'none'))
FROM unit AS u
LEFT JOIN assignment AS a ON a.unit_id = u.id AND a.ended IS NULL
WHERE u.assignment_id IS DISTINCT FROM a.id
ORDER BY 1 LIMIT 20;

-- name: timeline_gapless
SELECT format('incident %s has %s entries, the last is number %s, its version is %s',
              i.number, coalesce(e.entries, 0), coalesce(e.last, 0), i.version)
FROM incident AS i
LEFT JOIN (
    SELECT incident_id, count(*) AS entries, max(seq) AS last, min(seq) AS first
    FROM incident_entry GROUP BY incident_id
) AS e ON e.incident_id = i.id
WHERE e.entries IS DISTINCT FROM i.version OR e.last IS DISTINCT FROM i.version OR e.first <> 1
ORDER BY 1 LIMIT 20;

-- name: timeline_in_order
SELECT format('incident %s entry %s is earlier than the one before', incident_id, seq)
FROM (
    SELECT incident_id, seq, at, lag(at) OVER (PARTITION BY incident_id ORDER BY seq) AS before
    FROM incident_entry
) AS e
WHERE at < before
ORDER BY 1 LIMIT 20;

-- name: states_follow_one_another
SELECT format('incident %s goes from %s although it was %s', number, origin, before)
FROM (
    SELECT i.number, e.before AS origin, coalesce(lag(e.after) OVER story, 'reported') AS before
    FROM incident_entry AS e JOIN incident AS i ON i.id = e.incident_id
    WHERE e.kind = 'state'
    WINDOW story AS (PARTITION BY e.incident_id ORDER BY e.seq)
) AS steps
WHERE origin <> before
UNION ALL
SELECT format('incident %s is %s, its timeline ends with %s', i.number, i.state, last.state)
FROM incident AS i
CROSS JOIN LATERAL (
    SELECT e.after AS state FROM incident_entry AS e
    WHERE e.incident_id = i.id AND e.kind = 'state'
    ORDER BY e.seq DESC LIMIT 1
) AS last
WHERE i.state <> last.state
ORDER BY 1 LIMIT 20;

-- name: stamps_in_order
SELECT format('assignment %s of unit %s: stamps are not in order', id, unit_id)
FROM assignment
WHERE NOT (
        coalesce(acknowledged >= dispatched, true)
    AND coalesce(en_route >= coalesce(acknowledged, dispatched), true)
    AND coalesce(on_scene >= coalesce(en_route, acknowledged, dispatched), true)
    AND coalesce(to_facility >= coalesce(on_scene, en_route, acknowledged, dispatched), true)
    AND coalesce(at_facility >= coalesce(to_facility, on_scene, en_route, acknowledged,
                                         dispatched), true)
    AND coalesce(clear >= greatest(dispatched, acknowledged, en_route, on_scene, to_facility,
                                   at_facility), true))
ORDER BY 1 LIMIT 20;

-- name: closed_have_no_units
SELECT format('incident %s is %s and still has unit %s', i.number, i.state, a.unit_id)
FROM incident AS i JOIN assignment AS a ON a.incident_id = i.id AND a.ended IS NULL
WHERE NOT i.is_open
ORDER BY 1 LIMIT 20;

-- name: closed_have_disposition
SELECT format('incident %s is closed without a disposition', number)
FROM incident WHERE state = 'closed' AND (disposition IS NULL OR closed_at IS NULL)
ORDER BY 1 LIMIT 20;

-- name: evidence_placed
SELECT format('evidence %s of %s, %s partition %s offset %s, was placed nowhere',
              id, source_id, topic, partition, record_offset)
FROM evidence
WHERE placed IS NULL AND recorded_at < clock_timestamp() - make_interval(secs => $1)
ORDER BY recorded_at LIMIT 20;

-- name: evidence_counted
WITH RECURSIVE root AS (
    SELECT id, id AS top FROM incident WHERE merged_into IS NULL
    UNION
    SELECT i.id, r.top FROM incident AS i JOIN root AS r ON i.merged_into = r.id
), counted AS (
    SELECT r.top, count(*) AS pieces
    FROM evidence AS e JOIN root AS r ON r.id = e.incident_id
    WHERE e.placed IN ('opened', 'asked', 'attached', 'split')
    GROUP BY r.top
)
SELECT format('incident %s says that it has %s pieces of evidence, %s were placed there',
              i.number, i.evidence_count, coalesce(c.pieces, 0))
FROM incident AS i LEFT JOIN counted AS c ON c.top = i.id
WHERE i.merged_into IS NULL AND i.evidence_count <> coalesce(c.pieces, 0)
ORDER BY 1 LIMIT 20;

-- name: every_incident_has_evidence
SELECT format('incident %s was opened by no evidence', number)
FROM incident AS i
WHERE NOT EXISTS (SELECT FROM evidence AS e WHERE e.incident_id = i.id)
  AND i.merged_into IS NULL
ORDER BY 1 LIMIT 20;

-- name: outbox_drained
SELECT format('lane %s has %s messages unsent, the oldest since %s',
              lane, count(*), min(created_at))
FROM outbox
WHERE created_at < clock_timestamp() - make_interval(secs => $1)
GROUP BY lane
ORDER BY 1 LIMIT 20;

-- name: numbers_gapless
SELECT format('region %s has %s incidents of day %s, numbered up to %s',
              region, count(*), day, max(running))
FROM (
    SELECT region, substring(number FROM '(\d+)-\d+$') AS day,
           substring(number FROM '\d+$')::integer AS running
    FROM incident
) AS i
GROUP BY region, day HAVING count(*) <> max(running)
ORDER BY 1 LIMIT 20;

-- name: nothing_refused
SELECT format('%s messages for %s were refused by the broker, the last at %s: %s',
              count(*), topic, max(refused_at), reason)
FROM outbox_refused
WHERE settled_at IS NULL
GROUP BY topic, reason
ORDER BY 1 LIMIT 20;
