-- What nobody has read (severity unknown) stands before all, and not behind P4 by the alphabet.

CREATE OR REPLACE VIEW open_incident AS
SELECT i.number, i.severity, i.category, i.state, i.title, i.opened_at, i.acknowledged_by,
       coalesce(a.units, '{}') AS units,
       ARRAY(
           SELECT s ->> 'capability' || '×' || (s ->> 'count')
           FROM jsonb_array_elements(i.short) AS s
       ) AS short,
       i.subdistrict, i.address, i.point, i.region, i.id
FROM incident AS i
LEFT JOIN LATERAL (
    SELECT array_agg(unit_id ORDER BY dispatched, unit_id) AS units
    FROM assignment WHERE incident_id = i.id AND ended IS NULL
) AS a ON true
WHERE i.is_open
ORDER BY i.severity <> 'unknown', i.severity, i.opened_at;
