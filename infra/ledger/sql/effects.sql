-- name: lock_region
INSERT INTO region AS r (region) VALUES ($1)
ON CONFLICT (region) DO UPDATE SET region = excluded.region
RETURNING r.clock, r.applied_offset, r.forgotten_until, r.policy, r.numbers;

-- name: update_region
UPDATE region
SET clock = $2,
    applied_offset = $3,
    forgotten_until = $4,
    policy = coalesce($5, policy),
    policy_version = coalesce($6, policy_version),
    city = coalesce($7, city),
    numbers = $8
WHERE region = $1;

-- name: applied
INSERT INTO applied (region, journal_offset, entry_id, entry_kind, at, effects)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: incident
INSERT INTO incident (
    id, region, number, version, category, severity, confidence, state, is_open, title,
    point, accuracy_m,
    district, subdistrict, beat, hazard_zones, address,
    opened_at, updated_at, noticed_at, acknowledged_at, acknowledged_by, resourced_at,
    reopened_at,
    closed_at, disposition, possible_duplicate_of, merged_into, short, evidence_ids,
    evidence_count, record
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    ST_SetSRID(ST_MakePoint($11::float8, $12::float8), 4326), $13,
    $14, $15, $16, $17, $18,
    $19, $20, $21, $22, $23, $24,
    $25, $26, $27, $28, $29, $30, $31, $32, $33
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
INSERT INTO incident_entry (incident_id, seq, at, kind, actor, text, reasons, cause)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: placed
UPDATE evidence AS e
SET incident_id = p.incident, placed = p.placed, score = p.score, reasons = p.reasons,
    placed_offset = coalesce(e.placed_offset, p.placed_offset)
FROM jsonb_to_recordset($1::jsonb) AS p (
    id text, incident text, placed text, score float8, reasons text[], placed_offset bigint
)
WHERE e.id = p.id
RETURNING e.id;

-- name: link
INSERT INTO incident_link (incident_id, other_id, kind, at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- name: merge
INSERT INTO incident_merge (id, region, incident_id, into_id, at, merged_by, undone_at, record)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET undone_at = excluded.undone_at, record = excluded.record;

-- name: recommendation
INSERT INTO recommendation (
    incident_id, at, policy, requirements, short, reasons, candidates, record
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: unit
INSERT INTO unit (
    id, region, kind, name, department, capabilities, station, home,
    state, position, position_at, heading_deg, status_at, assignment_id, incident_id, reason,
    record
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, ST_SetSRID(ST_MakePoint($8::float8, $9::float8), 4326),
    $10, ST_SetSRID(ST_MakePoint($11::float8, $12::float8), 4326), $13, $14, $15, $16, $17, $18,
    $19
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
    id, region, incident_id, unit_id, capability, assigned_by, eta_s, reasons,
    route, route_m, route_s, streets,
    dispatched, acknowledged, en_route, on_scene, to_facility, at_facility, clear, ended, record
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8,
    ST_GeomFromEWKB($9::bytea), $10, $11, $12,
    $13, $14, $15, $16, $17, $18, $19, $20, $21
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
INSERT INTO stamp_refused (region, unit_id, status, at, stamped_by, reason)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: alert
INSERT INTO alert (
    id, region, incident_id, kind, priority, text, raised_at, ended_at, ended_by, record
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
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
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
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
UPDATE street_condition SET ended_at = $3 WHERE region = $1 AND id = $2;

-- name: timer
INSERT INTO timer (region, kind, subject, due) VALUES ($1, $2, $3, $4)
ON CONFLICT (region, kind, subject) DO UPDATE SET due = excluded.due;

-- name: timer_ended
DELETE FROM timer WHERE region = $1 AND kind = $2 AND subject = $3;

-- name: command
INSERT INTO command (id, region, incident_id, operator, outcome, reason, version, at, changes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET
    outcome = excluded.outcome,
    reason = excluded.reason,
    version = excluded.version,
    at = excluded.at,
    changes = excluded.changes;

-- name: decider
INSERT INTO decider (region, from_offset, software)
SELECT $1::text, $2::bigint, $3::text
WHERE $3 IS DISTINCT FROM (
    SELECT software FROM decider WHERE region = $1 ORDER BY from_offset DESC LIMIT 1
);
