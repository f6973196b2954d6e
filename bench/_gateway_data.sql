-- A year of a large city. Each statement is one step; $1 is how many incidents, $2 the region.
-- Indexes are put aside meanwhile (`bench._gateway_data`), and so are triggers.

-- name: places
CREATE TEMP TABLE place AS
SELECT row_number() OVER (ORDER BY id) - 1 AS n, name,
       ST_LineInterpolatePoint(geom, 0.5) AS point
FROM street WHERE drawn AND name <> '';

-- name: categories
CREATE TEMP TABLE kind (n bigint, category text, said text);

-- name: facts
-- Number 1 is the latest; of a million 800 are of the last hours and open, and 200 older ones.
CREATE TEMP TABLE fact AS
SELECT g.n, md5(g.n::text)::uuid::text AS id,
       $2::text || '-' || to_char(at, 'YYYYMMDD') || '-' || lpad((g.n % 100000)::text, 5, '0') AS number,
       k.category, k.said || ': ' || p.name AS title, p.name || g.n % 300 || '号' AS address,
       CASE WHEN g.n % 20 = 0 THEN 'P1' WHEN g.n % 20 < 4 THEN 'P2' WHEN g.n % 20 < 12 THEN 'P3'
            ELSE 'P4' END AS severity,
       g.n <= $1::bigint / 1250 OR g.n % 5000 = 0 AS is_open, at,
       ST_SetSRID(ST_MakePoint(ST_X(p.point) + (g.n % 101 - 50) * 2e-6,
                               ST_Y(p.point) + (g.n % 97 - 48) * 2e-6), 4326) AS point
FROM generate_series(1, $1::bigint) AS g (n)
CROSS JOIN LATERAL (SELECT now() - g.n * interval '31.5 seconds') AS t (at)
JOIN place AS p ON p.n = (g.n * 7919) % (SELECT count(*) FROM place)
JOIN kind AS k ON k.n = (g.n * 31 + g.n / 7) % (SELECT count(*) FROM kind);

-- name: incidents
INSERT INTO incident (
    id, region, number, version, category, severity, confidence, state, is_open, title, point,
    accuracy_m, district, hazard_zones, address, opened_at, updated_at, noticed_at,
    closed_at, disposition, short, evidence_ids, evidence_count, forgotten_at, record
)
SELECT id, $2, number, 7, category, severity, 0.8, state, is_open, title, point, 15, 'district',
       '{}', address, at, at + interval '40 minutes', at, closed,
       CASE WHEN is_open THEN NULL ELSE 'resolved' END, '{}', ARRAY[id], 1, closed,
       convert_to(format($3::text, id, number, category, severity, state,
           ST_X(point), ST_Y(point), address, title, to_json(at) #>> '{}', id,
           coalesce(to_json(closed)::text, 'null'),
           CASE WHEN is_open THEN 'null' ELSE '"resolved"' END), 'UTF8')
FROM fact CROSS JOIN LATERAL (
    SELECT CASE WHEN is_open THEN 'pending' ELSE 'closed' END,
           CASE WHEN is_open THEN NULL ELSE at + interval '40 minutes' END
) AS s (state, closed)
ORDER BY n DESC;

-- name: timelines
INSERT INTO incident_entry (incident_id, seq, at, kind, actor, text, reasons, cause, text_data,
                            reasons_data)
SELECT id, seq, at + seq * interval '1 minute', 'note', 'policy', title, '{}', id,
       json_build_object('code', 'said', 'values', json_build_object('text', title)), '[]'
FROM fact CROSS JOIN generate_series(1, 4) AS seq
ORDER BY n DESC, seq;

-- name: evidence
INSERT INTO evidence (
    id, region, source, source_id, phase, category, severity, confidence, point, accuracy_m,
    hazard_zones, address, observed_at, received_at, text, triage, topic, partition,
    record_offset, incident_id, placed, score, placed_offset, reasons, reasons_data, record
)
SELECT id, $2, 'report', n, 'opened', category, severity, 0.8, point, 15, '{}', address,
       at, at, title, '{}', 'city.citizen.reports', 0, n, id, 'opened', 0, n, '{}', '[]',
       convert_to(format($3::text, id, n, category, severity, ST_X(point), ST_Y(point),
           to_json(at) #>> '{}', to_json(at) #>> '{}', title), 'UTF8')
FROM fact, (SELECT $1::bigint) AS unused
ORDER BY n DESC;

-- name: assignments
INSERT INTO assignment (id, region, incident_id, unit_id, capability, assigned_by, eta_s, reasons,
                        dispatched, on_scene, clear, ended, record)
SELECT md5('a' || n)::uuid::text, $2, id, u.unit, 'als', 'policy', 120, '{}', at,
       at + interval '6 minutes', CASE WHEN active THEN NULL ELSE at + interval '30 minutes' END,
       CASE WHEN active THEN NULL ELSE 'completed' END,
       convert_to(format($3::text, md5('a' || n)::uuid, id, u.unit, to_json(at) #>> '{}',
           CASE WHEN active THEN 'null' ELSE '"completed"' END), 'UTF8')
FROM fact
CROSS JOIN LATERAL (SELECT n <= (SELECT count(*) FROM unit)) AS a (active)
JOIN (SELECT id AS unit, row_number() OVER (ORDER BY id) - 1 AS k FROM unit) AS u
    ON u.k = n % (SELECT count(*) FROM unit),
(SELECT $1::bigint) AS unused
ORDER BY n DESC;

-- name: alerts
INSERT INTO alert (id, region, incident_id, kind, priority, text, raised_at, ended_at, record)
SELECT md5('b' || n)::uuid::text, $2, id, 'unacknowledged', 2, title, at,
       CASE WHEN is_open THEN NULL ELSE at + interval '2 minutes' END,
       convert_to(format($3::text, md5('b' || n)::uuid, id, to_json(at) #>> '{}',
           CASE WHEN is_open THEN 'null' ELSE (to_json(at) #>> '{}') END, title), 'UTF8')
FROM fact, (SELECT $1::bigint) AS unused
WHERE n % 10 = 0 OR n <= 300
ORDER BY n DESC;

-- name: tracks
-- Each unit drives round its home, with a fix every ten seconds of the last two hours.
INSERT INTO unit_track (unit_id, at, point, accuracy_m, speed_mps, heading_deg)
SELECT u.id, now() - n * interval '10 seconds',
       ST_SetSRID(ST_MakePoint(ST_X(home) + 0.004 * cos(n / 40.0), ST_Y(home) + 0.004 * sin(n / 40.0)), 4326),
       8, 10, (n * 9) % 360
FROM unit AS u CROSS JOIN generate_series(1, 720) AS n;
