-- name: evidence
SELECT id, source_id, reporter_ref, topic, partition, record_offset, received_at, placed,
       incident_id, placed_offset
FROM evidence
WHERE source = 'report' AND (reporter_ref = ANY($1::text[]) OR id = ANY($2::text[]))
ORDER BY received_at, id;

-- name: applied
SELECT entry_id, journal_offset FROM applied WHERE entry_id = ANY($1::text[]);

-- name: open
WITH RECURSIVE up AS (
    SELECT id, number, is_open, merged_into FROM incident WHERE id = ANY($1::text[])
    UNION
    SELECT i.id, i.number, i.is_open, i.merged_into
    FROM up JOIN incident AS i ON i.id = up.merged_into
)
SELECT number FROM up WHERE is_open ORDER BY number;

-- name: records
SELECT id, record FROM evidence WHERE id = ANY($1::text[]) AND text <> $2 FOR UPDATE;

-- name: blank
UPDATE evidence SET text = $2, record = $3 WHERE id = $1;

-- name: contacts
SELECT r.ref, k.key, r.sealed FROM reporter AS r JOIN reporter_key AS k ON k.ref = r.ref
WHERE ($1::text[] IS NULL OR r.ref = ANY($1)) AND r.ref > $2
ORDER BY r.ref LIMIT $3;

-- name: known
SELECT ref FROM reporter WHERE ref = ANY($1::text[]);

-- name: shred
DELETE FROM reporter_key WHERE ref = ANY($1::text[]);

-- name: empty
UPDATE reporter
SET contact = NULL, sealed = NULL, erased_at = coalesce(erased_at, clock_timestamp())
WHERE ref = ANY($1::text[]);

-- name: letters
SELECT id, topic, partition, record_offset, key, value, headers, at
FROM dead_letter WHERE topic = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: letter
SELECT id, topic, partition, record_offset, key, value, headers, at
FROM dead_letter WHERE topic = $1 AND id = ANY($2::bigint[]) ORDER BY id;

-- name: delete_letters
DELETE FROM dead_letter WHERE id = ANY($1::bigint[]);

-- name: set_letter
UPDATE dead_letter SET value = $2 WHERE id = $1;

-- name: refused
SELECT id, key, value, headers FROM outbox_refused WHERE topic = $1;

-- name: delete_refused
DELETE FROM outbox_refused WHERE id = ANY($1::bigint[]);

-- name: waiting
SELECT key, value, headers FROM outbox WHERE topic = $1;

-- name: note
INSERT INTO erasure (refs, evidence_ids, places) VALUES ($1, $2, $3) RETURNING id;

-- name: archived
UPDATE erasure SET archived_at = clock_timestamp() WHERE id = ANY($1::bigint[]);

-- name: earlier
SELECT id, refs, evidence_ids, places FROM erasure
WHERE NOT $1 OR archived_at IS NULL ORDER BY id;
