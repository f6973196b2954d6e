-- name: lock_region
INSERT INTO region AS r (region) VALUES ($1)
ON CONFLICT (region) DO UPDATE SET region = excluded.region
RETURNING r.applied_offset, r.numbers;

-- name: update_region
UPDATE region
SET clock = $2,
    applied_offset = $3,
    policy = coalesce($4, policy),
    policy_version = coalesce($5, policy_version),
    city = coalesce($6, city),
    numbers = $7,
    fences = coalesce($8, fences)
WHERE region = $1;

-- name: applied
INSERT INTO applied (region, journal_offset, entry_id, entry_kind, at, effects)
SELECT r.region, r.journal_offset, r.entry_id, r.entry_kind, r.at, r.effects
FROM unnest(
    $1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[]
) AS r (region, journal_offset, entry_id, entry_kind, at, effects);

-- name: incident
INSERT INTO incident (
    id, region, number, version, category, severity, confidence, state, is_open, title, point,
    accuracy_m, district, subdistrict, beat, hazard_zones, address, opened_at, updated_at,
    noticed_at, acknowledged_at, acknowledged_by, resourced_at, reopened_at, closed_at,
    disposition, possible_duplicate_of, merged_into, short, evidence_ids, evidence_count, record
)
SELECT
    r.id, r.region, r.number, r.version, r.category, r.severity, r.confidence, r.state,
    r.is_open, r.title, ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4326), r.accuracy_m, r.district,
    r.subdistrict, r.beat, r.hazard_zones::text[], r.address, r.opened_at, r.updated_at,
    r.noticed_at, r.acknowledged_at, r.acknowledged_by, r.resourced_at, r.reopened_at,
    r.closed_at, r.disposition, r.possible_duplicate_of, r.merged_into, r.short,
    r.evidence_ids::text[], r.evidence_count, r.record
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::float8[],
    $8::text[], $9::boolean[], $10::text[], $11::float8[], $12::float8[], $13::float8[],
    $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::timestamptz[],
    $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::text[], $24::timestamptz[],
    $25::timestamptz[], $26::timestamptz[], $27::text[], $28::text[], $29::text[], $30::jsonb[],
    $31::text[], $32::integer[], $33::bytea[]
) AS r (
    id, region, number, version, category, severity, confidence, state, is_open, title, lon, lat,
    accuracy_m, district, subdistrict, beat, hazard_zones, address, opened_at, updated_at,
    noticed_at, acknowledged_at, acknowledged_by, resourced_at, reopened_at, closed_at,
    disposition, possible_duplicate_of, merged_into, short, evidence_ids, evidence_count, record
)
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version,
    category = excluded.category,
    severity = excluded.severity,
    confidence = excluded.confidence,
    state = excluded.state,
    is_open = excluded.is_open,
    title = excluded.title,
    point = excluded.point,
    accuracy_m = excluded.accuracy_m,
    district = excluded.district,
    subdistrict = excluded.subdistrict,
    beat = excluded.beat,
    hazard_zones = excluded.hazard_zones,
    address = excluded.address,
    updated_at = excluded.updated_at,
    noticed_at = excluded.noticed_at,
    acknowledged_at = excluded.acknowledged_at,
    acknowledged_by = excluded.acknowledged_by,
    resourced_at = excluded.resourced_at,
    reopened_at = excluded.reopened_at,
    closed_at = excluded.closed_at,
    disposition = excluded.disposition,
    possible_duplicate_of = excluded.possible_duplicate_of,
    merged_into = excluded.merged_into,
    short = excluded.short,
    evidence_ids = excluded.evidence_ids,
    evidence_count = excluded.evidence_count,
    record = excluded.record;

-- name: entry
INSERT INTO incident_entry (
    incident_id, seq, at, kind, actor, text, text_data, reasons, reasons_data, cause, before,
    after
)
SELECT
    r.incident_id, r.seq, r.at, r.kind, r.actor, r.text, r.text_data, r.reasons::text[],
    r.reasons_data, r.cause, r.before, r.after
FROM unnest(
    $1::text[], $2::integer[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
    $7::jsonb[], $8::text[], $9::jsonb[], $10::text[], $11::text[], $12::text[]
) AS r (
    incident_id, seq, at, kind, actor, text, text_data, reasons, reasons_data, cause, before,
    after
);

-- name: placed
UPDATE evidence AS e
SET incident_id = p.incident, placed = p.placed, score = p.score, reasons = p.reasons,
    reasons_data = p.reasons_data,
    placed_offset = coalesce(e.placed_offset, p.placed_offset)
FROM jsonb_to_recordset($1::jsonb) AS p (
    id text, incident text, placed text, score float8, reasons text[], reasons_data jsonb,
    placed_offset bigint
)
WHERE e.id = p.id
RETURNING e.id;

-- name: link
INSERT INTO incident_link (incident_id, other_id, kind, at)
SELECT r.incident_id, r.other_id, r.kind, r.at
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS r (
    incident_id, other_id, kind, at
)
ON CONFLICT DO NOTHING;

-- name: opinion
INSERT INTO opinion (
    evidence_id, region, at, journal_offset, category, severity, confidence, danger, harmless,
    model, digest, did, record
)
SELECT
    r.evidence_id, r.region, r.at, r.journal_offset, r.category, r.severity, r.confidence,
    r.danger, r.harmless, r.model, r.digest, r.did::text[], r.record
FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[],
    $7::float8[], $8::float8[], $9::float8[], $10::text[], $11::text[], $12::text[], $13::bytea[]
) AS r (
    evidence_id, region, at, journal_offset, category, severity, confidence, danger, harmless,
    model, digest, did, record
)
ON CONFLICT DO NOTHING;

-- name: merge
INSERT INTO incident_merge (id, region, incident_id, into_id, at, merged_by, undone_at, record)
SELECT r.id, r.region, r.incident_id, r.into_id, r.at, r.merged_by, r.undone_at, r.record
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
    $7::timestamptz[], $8::bytea[]
) AS r (id, region, incident_id, into_id, at, merged_by, undone_at, record)
ON CONFLICT (id) DO UPDATE SET undone_at = excluded.undone_at, record = excluded.record;

-- name: recommendation
INSERT INTO recommendation (
    incident_id, at, policy, requirements, short, reasons, candidates, record
)
SELECT
    r.incident_id, r.at, r.policy, r.requirements::text[], r.short, r.reasons, r.candidates,
    r.record
FROM unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::jsonb[],
    $8::bytea[]
) AS r (incident_id, at, policy, requirements, short, reasons, candidates, record);

-- name: unit
INSERT INTO unit (
    id, region, kind, name, department, capabilities, station, home, state, position,
    position_at, heading_deg, status_at, assignment_id, incident_id, reason, record
)
SELECT
    r.id, r.region, r.kind, r.name, r.department, r.capabilities::text[], r.station,
    ST_SetSRID(ST_MakePoint(r.home_lon, r.home_lat), 4326), r.state,
    ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4326), r.position_at, r.heading_deg, r.status_at,
    r.assignment_id, r.incident_id, r.reason, r.record
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::float8[], $9::float8[], $10::text[], $11::float8[], $12::float8[], $13::timestamptz[],
    $14::float8[], $15::timestamptz[], $16::text[], $17::text[], $18::text[], $19::bytea[]
) AS r (
    id, region, kind, name, department, capabilities, station, home_lon, home_lat, state, lon,
    lat, position_at, heading_deg, status_at, assignment_id, incident_id, reason, record
)
ON CONFLICT (id) DO UPDATE SET
    region = excluded.region,
    kind = excluded.kind,
    name = excluded.name,
    department = excluded.department,
    capabilities = excluded.capabilities,
    station = excluded.station,
    home = excluded.home,
    state = excluded.state,
    position = excluded.position,
    position_at = excluded.position_at,
    heading_deg = excluded.heading_deg,
    status_at = excluded.status_at,
    assignment_id = excluded.assignment_id,
    incident_id = excluded.incident_id,
    reason = excluded.reason,
    record = excluded.record;

-- name: assignment
INSERT INTO assignment (
    id, region, incident_id, unit_id, capability, assigned_by, eta_s, reasons, route, route_m,
    route_s, streets, dispatched, acknowledged, en_route, on_scene, to_facility, at_facility,
    clear, ended, record
)
SELECT
    r.id, r.region, r.incident_id, r.unit_id, r.capability, r.assigned_by, r.eta_s,
    r.reasons::text[], ST_GeomFromEWKB(r.route), r.route_m, r.route_s, r.streets::text[],
    r.dispatched, r.acknowledged, r.en_route, r.on_scene, r.to_facility, r.at_facility, r.clear,
    r.ended, r.record
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[],
    $8::text[], $9::bytea[], $10::float8[], $11::float8[], $12::text[], $13::timestamptz[],
    $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],
    $18::timestamptz[], $19::timestamptz[], $20::text[], $21::bytea[]
) AS r (
    id, region, incident_id, unit_id, capability, assigned_by, eta_s, reasons, route, route_m,
    route_s, streets, dispatched, acknowledged, en_route, on_scene, to_facility, at_facility,
    clear, ended, record
)
ON CONFLICT (id) DO UPDATE SET
    incident_id = excluded.incident_id,
    unit_id = excluded.unit_id,
    capability = excluded.capability,
    assigned_by = excluded.assigned_by,
    eta_s = excluded.eta_s,
    reasons = excluded.reasons,
    route = excluded.route,
    route_m = excluded.route_m,
    route_s = excluded.route_s,
    streets = excluded.streets,
    dispatched = excluded.dispatched,
    acknowledged = excluded.acknowledged,
    en_route = excluded.en_route,
    on_scene = excluded.on_scene,
    to_facility = excluded.to_facility,
    at_facility = excluded.at_facility,
    clear = excluded.clear,
    ended = excluded.ended,
    record = excluded.record;

-- name: stamp_refused
INSERT INTO stamp_refused (region, unit_id, status, at, stamped_by, reason, reason_data)
SELECT r.region, r.unit_id, r.status, r.at, r.stamped_by, r.reason, r.reason_data
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::jsonb[]
) AS r (region, unit_id, status, at, stamped_by, reason, reason_data);

-- name: alert
INSERT INTO alert (
    id, region, incident_id, kind, priority, text, raised_at, ended_at, ended_by, record
)
SELECT
    r.id, r.region, r.incident_id, r.kind, r.priority, r.text, r.raised_at, r.ended_at,
    r.ended_by, r.record
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[],
    $7::timestamptz[], $8::timestamptz[], $9::text[], $10::bytea[]
) AS r (id, region, incident_id, kind, priority, text, raised_at, ended_at, ended_by, record)
ON CONFLICT (id) DO UPDATE SET
    priority = excluded.priority,
    text = excluded.text,
    ended_at = excluded.ended_at,
    ended_by = excluded.ended_by,
    record = excluded.record;

-- name: condition
INSERT INTO street_condition (
    region, id, kind, segments, speed_factor, lanes_closed, depth_m, valid_from, valid_until,
    reason, record
)
SELECT
    r.region, r.id, r.kind, r.segments::text[], r.speed_factor, r.lanes_closed, r.depth_m,
    r.valid_from, r.valid_until, r.reason, r.record
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::integer[], $7::float8[],
    $8::timestamptz[], $9::timestamptz[], $10::text[], $11::bytea[]
) AS r (
    region, id, kind, segments, speed_factor, lanes_closed, depth_m, valid_from, valid_until,
    reason, record
)
ON CONFLICT (region, id) DO UPDATE SET
    kind = excluded.kind,
    segments = excluded.segments,
    speed_factor = excluded.speed_factor,
    lanes_closed = excluded.lanes_closed,
    depth_m = excluded.depth_m,
    valid_from = excluded.valid_from,
    valid_until = excluded.valid_until,
    reason = excluded.reason,
    record = excluded.record,
    ended_at = NULL;

-- name: condition_ended
UPDATE street_condition AS c SET ended_at = r.at
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS r (region, id, at)
WHERE c.region = r.region AND c.id = r.id;

-- name: timer
INSERT INTO timer (region, kind, subject, due)
SELECT r.region, r.kind, r.subject, r.due
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS r (
    region, kind, subject, due
)
ON CONFLICT (region, kind, subject) DO UPDATE SET due = excluded.due;

-- name: timer_ended
DELETE FROM timer AS t
USING unnest($1::text[], $2::text[], $3::text[]) AS r (region, kind, subject)
WHERE t.region = r.region AND t.kind = r.kind AND t.subject = r.subject;

-- name: command
INSERT INTO command (
    id, region, incident_id, operator, action, expected_version, outcome, reason, reason_data,
    version, at, changes, changes_data
)
SELECT
    r.id, r.region, r.incident_id, r.operator, r.action, r.expected_version, r.outcome, r.reason,
    r.reason_data, r.version, r.at, r.changes::text[], r.changes_data
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::integer[], $7::text[],
    $8::text[], $9::jsonb[], $10::integer[], $11::timestamptz[], $12::text[], $13::jsonb[]
) AS r (
    id, region, incident_id, operator, action, expected_version, outcome, reason, reason_data,
    version, at, changes, changes_data
)
ON CONFLICT (id) DO UPDATE SET
    action = excluded.action,
    expected_version = excluded.expected_version,
    outcome = excluded.outcome,
    reason = excluded.reason,
    reason_data = excluded.reason_data,
    version = excluded.version,
    at = excluded.at,
    changes = excluded.changes,
    changes_data = excluded.changes_data;

-- name: forgotten
UPDATE incident AS i SET forgotten_at = r.at
FROM unnest($1::text[], $2::timestamptz[]) AS r (id, at)
WHERE i.id = r.id;

-- name: decider
INSERT INTO decider (region, from_offset, software)
SELECT $1::text, $2::bigint, $3::text
WHERE $3 IS DISTINCT FROM (
    SELECT software FROM decider WHERE region = $1 ORDER BY from_offset DESC LIMIT 1
);
