-- The second reader's opinion of evidence: one a piece of evidence, the first that came.

CREATE TABLE opinion (
    evidence_id text PRIMARY KEY,
    region text NOT NULL,
    at timestamptz NOT NULL,
    journal_offset bigint NOT NULL,
    category text NOT NULL,
    severity text NOT NULL,
    confidence double precision NOT NULL,
    danger double precision NOT NULL,
    harmless double precision NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    did text[] NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX opinion_at ON opinion (at);
COMMENT ON TABLE opinion IS
    'What a model made of a report''s text beside the stream; without the text, which is the '
    'evidence''s. Opinions that were ignored are in the effects of their entry only.';
COMMENT ON COLUMN opinion.did IS
    'named, raised, asked, or noted: what followed, as in the effect.';

GRANT SELECT, INSERT ON opinion TO jingwei_worker;
GRANT SELECT ON opinion TO jingwei_gateway;
