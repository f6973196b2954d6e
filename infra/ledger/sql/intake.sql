-- name: evidence
INSERT INTO evidence (
    id, region, source, source_id, phase, category, severity, confidence, point, accuracy_m,
    district, subdistrict, beat, hazard_zones, address, observed_at, received_at, text, triage,
    reporter_ref, record, topic, partition, record_offset
)
SELECT
    r.id, r.region, r.source, r.source_id, r.phase, r.category, r.severity, r.confidence,
    ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4326), r.accuracy_m, r.district, r.subdistrict,
    r.beat, r.hazard_zones::text[], r.address, r.observed_at, r.received_at, r.text,
    r.triage::text[], r.reporter_ref, r.record, r.topic, r.partition, r.record_offset
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::float8[], $9::float8[], $10::float8[], $11::float8[], $12::text[], $13::text[],
    $14::text[], $15::text[], $16::text[], $17::timestamptz[], $18::timestamptz[], $19::text[],
    $20::text[], $21::text[], $22::bytea[], $23::text[], $24::integer[], $25::bigint[]
) AS r (
    id, region, source, source_id, phase, category, severity, confidence, lon, lat, accuracy_m,
    district, subdistrict, beat, hazard_zones, address, observed_at, received_at, text, triage,
    reporter_ref, record, topic, partition, record_offset
)
ON CONFLICT (id) DO NOTHING
RETURNING id;

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
