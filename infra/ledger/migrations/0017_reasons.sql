-- What is short, and why one unit was chosen before another, is kept as data: a code and its values.
-- What was said before in prose becomes the code `said` with the prose as its value; records are left
-- as they are, and read so.

-- ["pump×1: no free unit has it"] becomes what `Shortage` is now.
CREATE FUNCTION pg_temp.shortages(prose text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(prose, '"([^"×]+)×([0-9]+): ((?:[^"\\]|\\.)*)"',
        '{"capability":"\1","count":\2,"why":{"code":"said","values":{"text":"\3"}}}', 'g')
$$;

-- ["fewest seconds"] becomes a list of what `Reason` is now.
CREATE FUNCTION pg_temp.reasons(prose text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(prose, '"((?:[^"\\]|\\.)*)"',
        '{"code":"said","values":{"text":"\1"}}', 'g')
$$;

CREATE FUNCTION pg_temp.candidates(known jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_agg(
        (c - 'reason') || jsonb_build_object('reasons', jsonb_build_array(jsonb_build_object(
            'code', 'said', 'values', jsonb_build_object('text', c -> 'reason'))))
        ORDER BY place), '[]')
    FROM jsonb_array_elements(known) WITH ORDINALITY AS found (c, place)
$$;

DROP VIEW open_incident, planning.incident, planning.recommendation;

ALTER TABLE incident
    ALTER COLUMN short TYPE jsonb USING pg_temp.shortages(array_to_json(short)::text)::jsonb;
COMMENT ON COLUMN incident.short IS
    'What it lacks: capability, count, and why (a code of schemas/codes/reasons.json with values).';
ALTER TABLE recommendation
    ALTER COLUMN short TYPE jsonb USING pg_temp.shortages(array_to_json(short)::text)::jsonb,
    ALTER COLUMN reasons TYPE jsonb USING pg_temp.reasons(reasons::text)::jsonb,
    ALTER COLUMN candidates TYPE jsonb USING pg_temp.candidates(candidates);
COMMENT ON COLUMN recommendation.reasons IS
    'Codes of schemas/codes/reasons.json, with their values.';

CREATE VIEW open_incident AS
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
ORDER BY i.severity, i.opened_at;
GRANT SELECT ON open_incident TO jingwei_worker, jingwei_gateway;

CREATE VIEW planning.incident AS
SELECT id, region, number, version, category, severity, confidence, state, is_open, point,
       district, subdistrict, beat, hazard_zones, opened_at, updated_at, noticed_at,
       acknowledged_at, resourced_at, reopened_at, closed_at, disposition, merged_into, short
FROM public.incident;
CREATE VIEW planning.recommendation AS
SELECT id, incident_id, at, policy, requirements, short, candidates FROM public.recommendation;
GRANT SELECT ON planning.incident, planning.recommendation TO jingwei_planner;
