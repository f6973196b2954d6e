-- The broker's logs as the ledger knows them: which topic is meant, what was lost of it, and
-- messages whose handling fails and nobody knows why.

CREATE TABLE topic_log (
    topic text NOT NULL,
    incarnation integer NOT NULL CHECK (incarnation >= 0),
    topic_id text NOT NULL,
    partitions integer NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, incarnation)
);
CREATE TRIGGER topic_log_only_grows BEFORE UPDATE OR DELETE ON topic_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER topic_log_not_truncated BEFORE TRUNCATE ON topic_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE topic_log IS
    'The topics of this ledger by the broker''s id of them; a topic that is deleted and made anew '
    'has the next incarnation, and its offsets begin again.';
COMMENT ON COLUMN topic_log.partitions IS 'How many there were when it was noticed.';

ALTER TABLE consumed ADD COLUMN incarnation integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN consumed.incarnation IS 'Of the topic; next_offset counts in its log.';

ALTER TABLE dead_letter ADD COLUMN incarnation integer NOT NULL DEFAULT 0;
ALTER TABLE dead_letter DROP CONSTRAINT dead_letter_topic_partition_record_offset_key;
ALTER TABLE dead_letter ADD CONSTRAINT dead_letter_place
    UNIQUE (topic, partition, record_offset, incarnation);

CREATE TABLE lost_range (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    incarnation integer NOT NULL,
    first_offset bigint NOT NULL,
    last_offset bigint NOT NULL CHECK (last_offset >= first_offset),
    noticed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer_group, topic, partition, incarnation, first_offset)
);
COMMENT ON TABLE lost_range IS
    'Offsets that the broker had deleted before they were read: retention passed the fence.';

CREATE TABLE strike (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    starts integer NOT NULL CHECK (starts >= 1),
    last_start uuid NOT NULL,
    error text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    passed bigint,
    PRIMARY KEY (consumer_group, topic, partition, record_offset)
);
COMMENT ON TABLE strike IS
    'Messages that failed alone by an error that nobody expected, in how many starts of a worker. '
    'One that passes after all is deleted; one that was set aside stays.';
COMMENT ON COLUMN strike.passed IS
    'When set aside: how far the group was in the topic, all partitions added up.';

GRANT SELECT, INSERT ON topic_log, lost_range TO jingwei_worker;
GRANT UPDATE (last_offset) ON lost_range TO jingwei_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON strike TO jingwei_worker;
GRANT SELECT ON topic_log, lost_range, strike TO jingwei_gateway;
