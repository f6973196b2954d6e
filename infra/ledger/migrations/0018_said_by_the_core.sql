-- What the core has forgotten, and what a line of the timeline has changed, is said by the core and
-- no more worked out here.

ALTER TABLE incident ADD COLUMN forgotten_at timestamptz;
COMMENT ON COLUMN incident.forgotten_at IS
    'When it left the core''s memory, by the journal''s time; null while the core knows it.';

WITH kept AS MATERIALIZED (
    SELECT k.id FROM region AS r CROSS JOIN LATERAL remembered(r.region, r.forgotten_until) AS k(id)
)
UPDATE incident AS i SET forgotten_at = r.clock
FROM region AS r
WHERE r.region = i.region AND NOT EXISTS (SELECT FROM kept AS k WHERE k.id = i.id);

DROP FUNCTION remembered(text, timestamptz);
ALTER TABLE region DROP COLUMN forgotten_until;
CREATE INDEX incident_remembered ON incident (region) WHERE forgotten_at IS NULL;

CREATE FUNCTION remembered(wanted text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT id FROM incident WHERE region = wanted AND forgotten_at IS NULL
$$;

ALTER TABLE incident_entry
    ADD COLUMN before text NOT NULL DEFAULT '',
    ADD COLUMN after text NOT NULL DEFAULT '';
COMMENT ON COLUMN incident_entry.before IS
    'The state, severity or category that the line has changed; empty where it changes none.';
COMMENT ON COLUMN incident_entry.after IS 'What it has become.';

-- Lines from before there were these columns say it in their text.
ALTER TABLE incident_entry DISABLE TRIGGER incident_entry_only_grows;
UPDATE incident_entry
SET before = split_part(text, ' → ', 1), after = split_part(text, ' → ', 2)
WHERE kind IN ('state', 'severity') AND text LIKE '% → %'
   OR kind = 'classified' AND text ~ '^[a-z_]+ → [a-z_]+$';
ALTER TABLE incident_entry ENABLE TRIGGER incident_entry_only_grows;

CREATE OR REPLACE VIEW incident_timeline AS
SELECT i.number, e.seq, e.at, e.kind, e.actor, e.text, e.reasons, e.cause, e.incident_id,
       e.before, e.after
FROM incident_entry AS e JOIN incident AS i ON i.id = e.incident_id
ORDER BY e.incident_id, e.seq;

CREATE OR REPLACE VIEW planning.incident_entry AS
SELECT incident_id, seq, at, kind,
       CASE WHEN actor IN ('policy', 'sensor', 'citizen') THEN actor
            WHEN EXISTS (SELECT FROM public.unit WHERE unit.id = actor) THEN 'unit'
            ELSE 'operator' END AS actor,
       before, after
FROM public.incident_entry;
