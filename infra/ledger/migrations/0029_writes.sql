-- What an incident costs to write: no more than it must.

-- An index over updated_at made every change of an incident a new entry in all of its indexes, and
-- its search words anew. forgotten_at is written once.
DROP INDEX incident_forgotten;
CREATE INDEX incident_forgotten ON incident (forgotten_at) WHERE forgotten_at IS NOT NULL;

-- An index keeps each pair once in any case.
CREATE OR REPLACE FUNCTION search_pairs(words text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ARRAY(
        SELECT substr(w, n, 2) FROM lower(words) AS w, generate_series(1, length(w) - 1) AS n
    )
$$;

-- LZ4 takes a fraction of pglz's time for the same size. PostgreSQL may have been built without it.
DO $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT * FROM (VALUES
            ('outbox', 'value'), ('applied', 'effects'), ('incident', 'record'),
            ('evidence', 'record'), ('assignment', 'record'), ('assignment', 'route'),
            ('recommendation', 'record'), ('recommendation', 'candidates')
        ) AS p (of_table, of_column)
    LOOP
        EXECUTE format(
            'ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION lz4', place.of_table, place.of_column
        );
    END LOOP;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value OR syntax_error THEN
    RAISE NOTICE 'no LZ4 here: values are compressed by pglz as before';
END
$$;
