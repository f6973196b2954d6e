-- Accounts that an identity provider (OpenID Connect) vouches for. The gateway makes them by one
-- function, which never touches an account made here: whoever takes the gateway over can act as
-- somebody (it opens sessions), but takes no local account over for good.

ALTER TABLE account
    ALTER COLUMN password DROP NOT NULL,
    ADD COLUMN issuer text,
    ADD COLUMN subject text,
    ADD CONSTRAINT account_federated CHECK (
        (issuer IS NULL) = (subject IS NULL) AND (issuer IS NULL) = (password IS NOT NULL)),
    ADD CONSTRAINT account_subject UNIQUE (issuer, subject);
COMMENT ON COLUMN account.subject IS
    'How the provider (issuer) names the person; null for an account with a password.';

CREATE FUNCTION enter_federated(
    of_issuer text, of_subject text, wanted text, of_role text, of_department text, of_unit text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    known account;
    other text := left(wanted, 50) || '-'
        || left(encode(sha256(convert_to(of_issuer || E'\x1f' || of_subject, 'UTF8')), 'hex'), 8);
BEGIN
    IF coalesce(of_issuer, '') = '' OR coalesce(of_subject, '') = '' THEN
        RAISE EXCEPTION 'an account of a provider has an issuer and a subject'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO known FROM account WHERE issuer = of_issuer AND subject = of_subject FOR UPDATE;
    IF NOT FOUND THEN
        -- Somebody else's name, here or at the provider, is left to them.
        FOREACH wanted IN ARRAY ARRAY[wanted, other] LOOP
            INSERT INTO account (name, role, department, unit_id, issuer, subject)
            VALUES (wanted, of_role, of_department, of_unit, of_issuer, of_subject)
            ON CONFLICT DO NOTHING;
            IF FOUND THEN
                INSERT INTO audit (actor, action, subject, detail) VALUES (
                    wanted, 'add_account', wanted,
                    jsonb_build_object('role', of_role, 'issuer', of_issuer));
                RETURN wanted;
            END IF;
        END LOOP;
        RETURN (SELECT name FROM account WHERE issuer = of_issuer AND subject = of_subject);
    END IF;
    IF (known.role, known.department, known.unit_id)
        IS DISTINCT FROM (of_role, of_department, of_unit) THEN
        UPDATE account SET role = of_role, department = of_department, unit_id = of_unit
        WHERE name = known.name;
        INSERT INTO audit (actor, action, subject, detail) VALUES (
            known.name, 'set_role', known.name,
            jsonb_build_object('role', of_role, 'before', known.role));
    END IF;
    RETURN known.name;
END
$$;
REVOKE ALL ON FUNCTION enter_federated(text, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enter_federated(text, text, text, text, text, text) TO jingwei_gateway;
