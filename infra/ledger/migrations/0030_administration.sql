-- What an administrator may do through the gateway: each a function that writes the audit itself.
-- Whoever takes the gateway over can act as an administrator for as long as that lasts; so no
-- administrator's account is made, changed or given a token here. That is left to the owner's
-- commands (`jingwei users`, `jingwei tokens`), and with it what is needed to come back for good.

CREATE FUNCTION check_administrator(actor text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM account WHERE name = actor AND role = 'administrator' AND disabled_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no administrator', actor USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

-- 'added', 'taken' (there is one of this name), or 'administrator'.
CREATE FUNCTION administer_add_account(
    actor text, wanted text, of_role text, of_department text, of_unit text, hashed text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM check_administrator(actor);
    IF of_role = 'administrator' THEN
        RETURN 'administrator';
    END IF;
    INSERT INTO account (name, role, department, unit_id, password)
    VALUES (wanted, of_role, of_department, of_unit, hashed)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'taken';
    END IF;
    INSERT INTO audit (actor, action, subject, detail)
    VALUES (actor, 'add_account', wanted, jsonb_build_object('role', of_role));
    RETURN 'added';
END
$$;

-- 'done', 'unknown', 'administrator', or 'federated' (an identity provider says role and password).
CREATE FUNCTION administer_account(
    actor text, wanted text, deed text, of_role text, of_department text, of_unit text, hashed text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    known account;
    detail jsonb := '{}';
BEGIN
    PERFORM check_administrator(actor);
    SELECT * INTO known FROM account WHERE name = wanted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    IF known.role = 'administrator' OR of_role = 'administrator' THEN
        RETURN 'administrator';
    END IF;
    IF known.issuer IS NOT NULL AND deed IN ('set_role', 'set_password') THEN
        RETURN 'federated';
    END IF;
    CASE deed
        WHEN 'set_role' THEN
            UPDATE account SET role = of_role, department = of_department, unit_id = of_unit
            WHERE name = wanted;
            detail := jsonb_build_object('role', of_role, 'before', known.role);
        WHEN 'set_password' THEN
            UPDATE account SET password = hashed, password_at = clock_timestamp()
            WHERE name = wanted;
        WHEN 'disable' THEN
            UPDATE account SET disabled_at = coalesce(disabled_at, clock_timestamp())
            WHERE name = wanted;
        WHEN 'enable' THEN
            UPDATE account SET disabled_at = NULL WHERE name = wanted;
        WHEN 'end_sessions' THEN
            NULL;
        ELSE
            RAISE EXCEPTION 'no such deed: %', deed USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    IF deed IN ('set_password', 'disable', 'end_sessions') THEN
        UPDATE session SET revoked_at = clock_timestamp()
        WHERE account = wanted AND revoked_at IS NULL;
        DELETE FROM sign_in_link WHERE account = wanted;
    END IF;
    INSERT INTO audit (actor, action, subject, detail) VALUES (actor, deed, wanted, detail);
    RETURN 'done';
END
$$;

-- When the token expires, null if there is no such account that may have one from here.
CREATE FUNCTION administer_add_token(
    actor text, of_account text, of_prefix text, hashed bytea, of_role text, of_label text, days int
) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    until timestamptz;
BEGIN
    PERFORM check_administrator(actor);
    INSERT INTO api_token (prefix, hash, account, role, label, expires_at)
    SELECT of_prefix, hashed, name, of_role, of_label, clock_timestamp() + make_interval(days => days)
    FROM account
    WHERE name = of_account AND role <> 'administrator' AND of_role <> 'administrator'
    RETURNING expires_at INTO until;
    IF until IS NOT NULL THEN
        INSERT INTO audit (actor, action, subject, detail) VALUES (
            actor, 'add_token', of_account,
            jsonb_build_object('prefix', of_prefix, 'role', of_role));
    END IF;
    RETURN until;
END
$$;

-- Whose token is revoked, an administrator's, too; null if there is none.
CREATE FUNCTION administer_revoke_token(actor text, of_prefix text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    of_account text;
BEGIN
    PERFORM check_administrator(actor);
    UPDATE api_token SET revoked_at = coalesce(revoked_at, clock_timestamp())
    WHERE prefix = of_prefix
    RETURNING account INTO of_account;
    IF of_account IS NOT NULL THEN
        INSERT INTO audit (actor, action, subject, detail) VALUES (
            actor, 'revoke_token', of_account, jsonb_build_object('prefix', of_prefix));
    END IF;
    RETURN of_account;
END
$$;

-- A dead letter goes back to its topic through the outbox, by whichever worker sends that lane:
-- its bytes pass no gateway. False if there is none, or retention has taken it.
CREATE FUNCTION administer_redrive(actor text, wanted bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    letter dead_letter;
BEGIN
    PERFORM check_administrator(actor);
    SELECT * INTO letter FROM dead_letter WHERE id = wanted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF letter.redriven_at IS NULL THEN
        INSERT INTO outbox (lane, topic, key, value, headers)
        SELECT letter.topic || '/' || letter.partition || '/aside', letter.topic, letter.key,
               letter.value,
               convert_to(coalesce(jsonb_agg(h.pair ORDER BY h.place), '[]')::text, 'UTF8')
        -- Without the notes of an earlier dead letter.
        FROM jsonb_array_elements(convert_from(letter.headers, 'UTF8')::jsonb)
            WITH ORDINALITY AS h (pair, place)
        WHERE NOT starts_with(h.pair ->> 0, 'dlq_');
        UPDATE dead_letter SET redriven_at = clock_timestamp() WHERE id = wanted;
        INSERT INTO audit (actor, action, subject, detail)
        VALUES (actor, 'redrive', wanted::text, jsonb_build_object('topic', letter.topic));
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION check_administrator(text),
    administer_add_account(text, text, text, text, text, text),
    administer_account(text, text, text, text, text, text, text),
    administer_add_token(text, text, text, bytea, text, text, int),
    administer_revoke_token(text, text),
    administer_redrive(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION administer_add_account(text, text, text, text, text, text),
    administer_account(text, text, text, text, text, text, text),
    administer_add_token(text, text, text, bytea, text, text, int),
    administer_revoke_token(text, text),
    administer_redrive(text, bigint) TO jingwei_gateway;
