-- Merges can be undone and evidence moved: what each did, and how much evidence there is without
-- naming all of it in every record.

ALTER TABLE incident ADD COLUMN evidence_count integer NOT NULL DEFAULT 0;
UPDATE incident SET evidence_count = cardinality(evidence_ids);
COMMENT ON COLUMN incident.evidence_ids IS
    'The latest pieces of evidence; all of them are the rows of evidence with its incident_id, and '
    'those of the incidents merged into it.';
CREATE INDEX incident_merged_into ON incident (merged_into) WHERE merged_into IS NOT NULL;

ALTER TABLE evidence ADD COLUMN placed_offset bigint;
COMMENT ON COLUMN evidence.placed_offset IS
    'Journal offset of the entry that first placed it: the order in which an incident got it.';
DROP INDEX evidence_incident;
CREATE INDEX evidence_incident ON evidence (incident_id, placed_offset);

CREATE TABLE incident_merge (
    id text PRIMARY KEY,
    region text NOT NULL,
    incident_id text NOT NULL REFERENCES incident,
    into_id text NOT NULL REFERENCES incident,
    at timestamptz NOT NULL,
    merged_by text NOT NULL,
    undone_at timestamptz,
    record bytea NOT NULL
);
CREATE INDEX incident_merge_incident ON incident_merge (incident_id);
COMMENT ON TABLE incident_merge IS 'What merges did, so that they can be undone.';

ALTER TABLE command ADD COLUMN changes text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN command.outcome IS
    'accepted, refused, or tried (a dry run); null until the core has answered.';
COMMENT ON COLUMN command.changes IS 'What a command that was only tried would change.';

-- What a region's core remembers: incidents that are open or were closed after `forgotten`, each
-- with all that was merged into it.
CREATE FUNCTION remembered(wanted text, forgotten timestamptz) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE kept AS (
        SELECT id FROM incident
        WHERE region = wanted AND merged_into IS NULL
          AND (closed_at IS NULL OR closed_at > forgotten OR forgotten IS NULL)
        UNION
        SELECT i.id FROM incident AS i JOIN kept AS k ON i.merged_into = k.id
    )
    SELECT id FROM kept
$$;

GRANT SELECT, INSERT, UPDATE ON incident_merge TO jingwei_worker;
GRANT SELECT ON incident_merge TO jingwei_gateway;
GRANT UPDATE (placed_offset) ON evidence TO jingwei_worker;
