-- name: evidence
INSERT INTO evidence (
    id, region, source, source_id, phase, category, severity, confidence, point, accuracy_m,
    district, subdistrict, beat, hazard_zones, address,
    observed_at, received_at, text, triage, reporter_ref, record,
    topic, partition, record_offset
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8,
    ST_SetSRID(ST_MakePoint($9::float8, $10::float8), 4326), $11,
    $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25
)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: reporter
INSERT INTO reporter (ref, contact) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: alarms
SELECT datastream, open, seen_at, state FROM alarm WHERE partition = $1;

-- name: save_alarm
INSERT INTO alarm (partition, datastream, open, seen_at, state) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (partition, datastream) DO UPDATE
SET open = excluded.open, seen_at = excluded.seen_at, state = excluded.state;

-- name: forget_alarms
DELETE FROM alarm WHERE partition = $1 AND datastream = ANY($2::text[]) AND NOT open;

-- name: track_days_wanted
SELECT track_days_wanted();

-- name: make_track_partitions
SELECT make_track_partitions($1::date[]);

-- name: track
INSERT INTO unit_track (unit_id, at, point, accuracy_m, speed_mps, heading_deg)
VALUES ($1, $2, ST_SetSRID(ST_MakePoint($3::float8, $4::float8), 4326), $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: dead_letter
INSERT INTO dead_letter (
    topic, partition, record_offset, key, value, headers, reason, error, agent, at, incarnation
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    coalesce((SELECT max(l.incarnation) FROM topic_log AS l WHERE l.topic = $1), 0)
ON CONFLICT DO NOTHING
RETURNING topic, partition, record_offset;
