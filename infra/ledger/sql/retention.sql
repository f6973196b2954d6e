-- name: incident_plan
SELECT count(*) AS rows, min(updated_at) AS oldest FROM incident
WHERE forgotten_at IS NOT NULL AND NOT is_open AND updated_at < $1 AND NOT family_held(id, $1);

-- name: incident_batch
SELECT id FROM incident
WHERE forgotten_at IS NOT NULL AND NOT is_open AND updated_at < $1 AND NOT family_held(id, $1)
ORDER BY forgotten_at LIMIT $2;

-- name: evidence_of
SELECT id, source, text, reporter_ref, placed_offset FROM evidence
WHERE incident_id = ANY($1::text[]) OR id = ANY($2::text[]);

-- name: allow
SET LOCAL jingwei.retention = 'on';

-- name: delete_incidents
WITH
    told AS (DELETE FROM feed_told WHERE incident_id = ANY($1::text[])),
    delivered AS (DELETE FROM delivery WHERE incident_id = ANY($1::text[])),
    alerts AS (DELETE FROM alert WHERE incident_id = ANY($1::text[])),
    sent AS (DELETE FROM assignment WHERE incident_id = ANY($1::text[])),
    recommended AS (DELETE FROM recommendation WHERE incident_id = ANY($1::text[])),
    lines AS (DELETE FROM incident_entry WHERE incident_id = ANY($1::text[])),
    links AS (
        DELETE FROM incident_link
        WHERE incident_id = ANY($1::text[]) OR other_id = ANY($1::text[])
    ),
    merges AS (
        DELETE FROM incident_merge
        WHERE incident_id = ANY($1::text[]) OR into_id = ANY($1::text[])
    ),
    commands AS (DELETE FROM command WHERE incident_id = ANY($1::text[]))
DELETE FROM incident WHERE id = ANY($1::text[]);

-- name: delete_evidence
WITH
    opinions AS (DELETE FROM opinion WHERE evidence_id = ANY($1::text[])),
    gone AS (DELETE FROM evidence WHERE id = ANY($1::text[]) RETURNING reporter_ref),
    alone AS (
        SELECT DISTINCT reporter_ref FROM gone
        WHERE NOT EXISTS (
            SELECT FROM evidence AS e
            WHERE e.reporter_ref = gone.reporter_ref AND NOT e.id = ANY($1::text[])
        )
    ),
    keys AS (DELETE FROM reporter_key WHERE ref IN (SELECT reporter_ref FROM alone))
DELETE FROM reporter WHERE ref IN (SELECT reporter_ref FROM alone);

-- name: evidence_plan
SELECT count(*) AS rows, min(received_at) AS oldest FROM evidence
WHERE placed = 'ignored' AND incident_id IS NULL AND received_at < $1;

-- name: evidence_batch
SELECT id FROM evidence
WHERE placed = 'ignored' AND incident_id IS NULL AND received_at < $1
ORDER BY received_at LIMIT $2;

-- name: text_plan
SELECT count(*) AS rows, min(received_at) AS oldest FROM evidence AS e
WHERE source = 'report' AND received_at < $1 AND text <> '[erased]' AND placed IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM incident AS i
      WHERE i.id = e.incident_id AND family_held(i.id, 'infinity')
  );

-- name: text_batch
SELECT id FROM evidence AS e
WHERE source = 'report' AND received_at < $1 AND text <> '[erased]' AND placed IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM incident AS i
      WHERE i.id = e.incident_id AND family_held(i.id, 'infinity')
  )
ORDER BY received_at LIMIT $2;

-- name: contact_plan
SELECT count(*) AS rows, min(recorded_at) AS oldest FROM reporter AS r
WHERE erased_at IS NULL AND recorded_at < $1
  AND NOT EXISTS (
      SELECT FROM evidence AS e LEFT JOIN incident AS i ON i.id = e.incident_id
      WHERE e.reporter_ref = r.ref
        AND (e.placed IS NULL OR i.id IS NOT NULL AND family_held(i.id, 'infinity'))
  );

-- name: contact_batch
SELECT ref FROM reporter AS r
WHERE erased_at IS NULL AND recorded_at < $1
  AND NOT EXISTS (
      SELECT FROM evidence AS e LEFT JOIN incident AS i ON i.id = e.incident_id
      WHERE e.reporter_ref = r.ref
        AND (e.placed IS NULL OR i.id IS NOT NULL AND family_held(i.id, 'infinity'))
  )
ORDER BY recorded_at LIMIT $2;

-- name: dead_letter_plan
SELECT count(*) AS rows, min(at) AS oldest FROM dead_letter
WHERE at < $1 AND topic NOT IN ('city.journal', 'city.unit.positions');

-- name: dead_letter_delete
DELETE FROM dead_letter WHERE id IN (
    SELECT id FROM dead_letter
    WHERE at < $1 AND topic NOT IN ('city.journal', 'city.unit.positions') ORDER BY id LIMIT $2
);

-- name: unit_track_plan
SELECT count(*) AS rows, min(at) AS oldest FROM unit_track
WHERE at < date_trunc('day', $1::timestamptz);

-- name: unit_track_days
SELECT inhrelid::regclass::text AS name FROM pg_inherits
WHERE inhparent = 'unit_track'::regclass
  AND inhrelid::regclass::text ~ '^unit_track_[0-9]{8}$'
  AND inhrelid::regclass::text < 'unit_track_' || to_char($1::timestamptz, 'YYYYMMDD')
ORDER BY 1;

-- name: unit_track_delete
DELETE FROM unit_track_default WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM unit_track_default WHERE at < date_trunc('day', $1::timestamptz) LIMIT $2
));

-- name: stamp_refused_plan
SELECT count(*) AS rows, min(at) AS oldest FROM stamp_refused WHERE at < $1;

-- name: stamp_refused_delete
DELETE FROM stamp_refused WHERE id IN (
    SELECT id FROM stamp_refused WHERE at < $1 ORDER BY id LIMIT $2
);

-- name: outbox_refused_plan
SELECT count(*) AS rows, min(refused_at) AS oldest FROM outbox_refused
WHERE refused_at < $1 AND settled_at IS NOT NULL;

-- name: outbox_refused_delete
DELETE FROM outbox_refused WHERE id IN (
    SELECT id FROM outbox_refused
    WHERE refused_at < $1 AND settled_at IS NOT NULL ORDER BY id LIMIT $2
);

-- name: command_key_plan
SELECT count(*) AS rows, min(claimed_at) AS oldest FROM command_key WHERE claimed_at < $1;

-- name: command_key_delete
DELETE FROM command_key WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM command_key WHERE claimed_at < $1 LIMIT $2
));

-- name: handover_plan
SELECT count(*) AS rows, min(at) AS oldest FROM handover WHERE at < $1;

-- name: handover_delete
DELETE FROM handover WHERE id IN (
    SELECT id FROM handover WHERE at < $1 ORDER BY at LIMIT $2
);
