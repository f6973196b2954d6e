-- What the stream side remembers: offset fences, outbox, journal effects, dead letters.

CREATE TABLE consumed (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    advanced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer_group, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE consumed IS
    'Offset fence: locked and advanced in the transaction of all that a batch wrote.';

CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    lane text NOT NULL,
    topic text NOT NULL,
    key bytea,
    value bytea,
    headers bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX outbox_lane ON outbox (lane, id);
COMMENT ON COLUMN outbox.lane IS
    'group/topic/partition whose processing wrote the row: its fence makes ids commit in order.';
COMMENT ON COLUMN outbox.headers IS 'JSON: pairs of name and base64 value, in order.';

CREATE TABLE region (
    region text PRIMARY KEY,
    clock timestamptz,
    applied_offset bigint NOT NULL DEFAULT -1,
    forgotten_until timestamptz,
    policy_version text,
    policy bytea,
    city text,
    numbers jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
COMMENT ON COLUMN region.clock IS 'The journal''s time: the core''s clock after applied_offset.';
COMMENT ON COLUMN region.forgotten_until IS
    'Incidents closed at or before this have left the core''s memory.';
COMMENT ON COLUMN region.policy IS 'Canonical JSON of the policy in force.';
COMMENT ON COLUMN region.numbers IS 'Incidents opened, by day.';

CREATE TABLE applied (
    region text NOT NULL,
    journal_offset bigint NOT NULL,
    entry_id text NOT NULL,
    at timestamptz NOT NULL,
    entry_kind text NOT NULL,
    effects bytea NOT NULL,
    -- entry_id is included so that the ids a core must remember are read from the index alone.
    PRIMARY KEY (region, journal_offset) INCLUDE (entry_id)
);
CREATE INDEX applied_entry ON applied USING hash (entry_id);
CREATE TRIGGER applied_only_grows BEFORE UPDATE ON applied
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON COLUMN applied.at IS 'Kafka''s log-append time of the entry.';
COMMENT ON COLUMN applied.effects IS 'Canonical JSON of the list of effects, byte for byte.';

CREATE TABLE dead_letter (
    id bigserial PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    key bytea,
    value bytea,
    headers bytea NOT NULL,
    reason text NOT NULL,
    error text NOT NULL,
    agent text NOT NULL,
    at timestamptz NOT NULL,
    redriven_at timestamptz,
    UNIQUE (topic, partition, record_offset)
);
CREATE INDEX dead_letter_at ON dead_letter (at);
COMMENT ON TABLE dead_letter IS 'Messages that could not be used, as they came. Restricted.';

CREATE TABLE alarm (
    partition integer NOT NULL,
    datastream text NOT NULL,
    open boolean NOT NULL,
    seen_at timestamptz,
    state bytea NOT NULL,
    PRIMARY KEY (partition, datastream)
) WITH (fillfactor = 70);
COMMENT ON TABLE alarm IS 'Detection state by datastream, in the partition its readings come in.';

CREATE TABLE timer (
    region text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    due timestamptz NOT NULL,
    PRIMARY KEY (region, kind, subject)
);
