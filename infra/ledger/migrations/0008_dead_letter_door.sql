-- A dead letter of a citizen's report holds its contact as it came: the gateway reads those
-- through a function that is audited, as it does the table reporter.

REVOKE SELECT ON dead_letter FROM jingwei_gateway;

CREATE VIEW dead_letter_summary AS
SELECT id, topic, partition, record_offset, reason, error, agent, at, redriven_at,
       octet_length(value) AS value_bytes
FROM dead_letter;
COMMENT ON VIEW dead_letter_summary IS
    'Dead letters without what came: key, value and headers through read_dead_letter.';
GRANT SELECT ON dead_letter_summary TO jingwei_gateway;

CREATE FUNCTION read_dead_letter(wanted bigint, actor text, purpose text)
RETURNS SETOF dead_letter
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(actor, '') = '' OR coalesce(purpose, '') = '' THEN
        RAISE EXCEPTION 'reading personal data needs an actor and a purpose'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO audit (actor, action, subject, detail)
    VALUES (actor, 'read_dead_letter', wanted::text, jsonb_build_object('purpose', purpose));
    RETURN QUERY SELECT * FROM dead_letter WHERE id = wanted;
END
$$;
REVOKE ALL ON FUNCTION read_dead_letter(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_dead_letter(bigint, text, text) TO jingwei_gateway;

-- A dead letter on its way to Kafka lies in the outbox with the same bytes, refused ones too.
REVOKE SELECT ON outbox FROM jingwei_gateway;
GRANT SELECT (id, lane, topic, created_at) ON outbox TO jingwei_gateway;
REVOKE SELECT ON outbox_refused FROM jingwei_gateway;
GRANT SELECT (id, lane, topic, created_at, refused_at, reason) ON outbox_refused
    TO jingwei_gateway;
