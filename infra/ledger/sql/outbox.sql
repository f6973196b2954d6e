-- name: put
INSERT INTO outbox (lane, topic, key, value, headers)
SELECT m.lane, m.topic, m.key, m.value, m.headers
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[])
    WITH ORDINALITY AS m (lane, topic, key, value, headers, position)
ORDER BY m.position
RETURNING id;

-- name: unsent
SELECT id, topic, key, value, headers FROM outbox WHERE lane = $1 ORDER BY id LIMIT $2;

-- name: holding
SELECT DISTINCT lane FROM outbox WHERE lane = ANY($1::text[]);

-- name: mark_sent
DELETE FROM outbox WHERE id = ANY($1::bigint[]);

-- name: lanes_waiting
SELECT lane FROM outbox
-- What was written after now waits, too: this database's clock was set back since then.
WHERE created_at <= clock_timestamp() - make_interval(secs => $1)
    OR created_at > clock_timestamp()
GROUP BY lane
ORDER BY min(id);

-- name: refuse
WITH refused AS (
    DELETE FROM outbox WHERE id = $1 RETURNING id, lane, topic, key, value, headers, created_at
)
INSERT INTO outbox_refused (id, lane, topic, key, value, headers, created_at, reason)
SELECT id, lane, topic, key, value, headers, created_at, $2 FROM refused
ON CONFLICT DO NOTHING;

-- name: refused
SELECT id, lane, topic, octet_length(value) AS value_bytes, created_at, refused_at, reason,
       settled_at, settled_by, settlement, settled_why
FROM outbox_refused
WHERE $1 OR settled_at IS NULL
ORDER BY id DESC LIMIT $2;

-- name: settle
UPDATE outbox_refused
SET settled_at = clock_timestamp(), settlement = $2, settled_by = $3, settled_why = $4
WHERE id = $1 AND settled_at IS NULL
RETURNING id;

-- name: resend
INSERT INTO outbox (lane, topic, key, value, headers)
SELECT lane, topic, key, value, headers FROM outbox_refused WHERE id = $1
RETURNING id;
