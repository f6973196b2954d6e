-- What operators asked for, and a wake-up for those who wait for the answer.

COMMENT ON COLUMN command.action IS
    'What was asked for, as in the journal; null where an earlier version answered.';
CREATE INDEX command_operator ON command (operator, at);

-- One notification a transaction, whatever the number of answers: PostgreSQL folds equal ones.
-- It carries nothing: whoever waits reads the table.
CREATE FUNCTION announce_answers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('command_answered', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER command_answered AFTER INSERT OR UPDATE ON command
    FOR EACH STATEMENT EXECUTE FUNCTION announce_answers();
