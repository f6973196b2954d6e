-- For people with psql, and for planners.

CREATE VIEW open_incident AS
SELECT i.number, i.severity, i.category, i.state, i.title, i.opened_at, i.acknowledged_by,
       coalesce(a.units, '{}') AS units, i.short, i.subdistrict, i.address,
       i.point, i.region, i.id
FROM incident AS i
LEFT JOIN LATERAL (
    SELECT array_agg(unit_id ORDER BY dispatched, unit_id) AS units
    FROM assignment WHERE incident_id = i.id AND ended IS NULL
) AS a ON true
WHERE i.is_open
ORDER BY i.severity, i.opened_at;

CREATE VIEW incident_timeline AS
SELECT i.number, e.seq, e.at, e.kind, e.actor, e.text, e.reasons, e.cause, e.incident_id
FROM incident_entry AS e JOIN incident AS i ON i.id = e.incident_id
ORDER BY e.incident_id, e.seq;

CREATE VIEW active_assignment AS
SELECT i.number, a.unit_id, u.name AS unit, u.state AS unit_state, a.capability, a.assigned_by,
       a.eta_s, a.dispatched, a.acknowledged, a.en_route, a.on_scene, a.route_m, a.streets,
       a.route, u.position, a.incident_id, a.id
FROM assignment AS a
JOIN incident AS i ON i.id = a.incident_id
JOIN unit AS u ON u.id = a.unit_id
WHERE a.ended IS NULL
ORDER BY a.dispatched, a.unit_id;

-- No words of citizens or operators, no addresses, no reporters.
CREATE SCHEMA planning;

CREATE VIEW planning.incident AS
SELECT id, region, number, version, category, severity, confidence, state, is_open, point,
       district, subdistrict, beat, hazard_zones, opened_at, updated_at, noticed_at,
       acknowledged_at, resourced_at, reopened_at, closed_at, disposition, merged_into, short
FROM public.incident;

CREATE VIEW planning.incident_entry AS
SELECT incident_id, seq, at, kind,
       CASE WHEN actor IN ('policy', 'sensor', 'citizen') THEN actor
            WHEN EXISTS (SELECT FROM public.unit WHERE unit.id = actor) THEN 'unit'
            ELSE 'operator' END AS actor
FROM public.incident_entry;

CREATE VIEW planning.evidence AS
SELECT id, region, source, phase, category, severity, confidence, point, accuracy_m, district,
       subdistrict, observed_at, received_at, incident_id, placed, score
FROM public.evidence;

CREATE VIEW planning.assignment AS
SELECT id, region, incident_id, unit_id, capability,
       CASE WHEN assigned_by = 'policy' THEN 'policy' ELSE 'operator' END AS assigned_by,
       eta_s, route, route_m, route_s, streets, dispatched, acknowledged, en_route, on_scene,
       to_facility, at_facility, clear, ended
FROM public.assignment;

CREATE VIEW planning.unit AS
SELECT id, region, kind, name, department, capabilities, station, home, state, position,
       position_at, status_at
FROM public.unit;

CREATE VIEW planning.recommendation AS
SELECT id, incident_id, at, policy, requirements, short, candidates FROM public.recommendation;

CREATE VIEW planning.street_condition AS
SELECT region, id, kind, segments, speed_factor, valid_from, valid_until, ended_at
FROM public.street_condition;

CREATE VIEW planning.fence AS SELECT city, id, kind, name, attributes, geom FROM public.fence;
