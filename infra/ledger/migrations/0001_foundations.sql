-- Roles, the extension, and what several later tables share.

CREATE EXTENSION IF NOT EXISTS postgis;

-- The local stack makes the roles with passwords. On a database of one's own they are made
-- here without login; an administrator gives them passwords.
DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(name, ', ') INTO missing
    FROM unnest(ARRAY['jingwei_owner', 'jingwei_worker', 'jingwei_gateway', 'jingwei_planner'])
        AS name
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
    IF missing IS NULL THEN
        RETURN;
    END IF;
    IF NOT (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'the roles % are missing and % may not create roles', missing, current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'let an administrator run: CREATE ROLE <name> NOLOGIN; for each of them';
    END IF;
    FOR missing IN SELECT unnest(string_to_array(missing, ', ')) LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', missing);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database's migration made it meanwhile; roles are the cluster's
        END;
    END LOOP;
END
$$;

-- Tables that only grow: what was written stays, a correction is a new row.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation',
              HINT = 'a correction is a new row';
END
$$;
