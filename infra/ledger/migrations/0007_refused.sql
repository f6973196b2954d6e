-- Messages that the broker refuses for good: set aside, so that those behind them can be sent.

CREATE TABLE outbox_refused (
    id bigint PRIMARY KEY,
    lane text NOT NULL,
    topic text NOT NULL,
    key bytea,
    value bytea,
    headers bytea NOT NULL,
    created_at timestamptz NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL
);
COMMENT ON TABLE outbox_refused IS
    'Rows of the outbox, under their ids, that no repetition would bring to Kafka. Restricted.';

GRANT SELECT, INSERT ON outbox_refused TO jingwei_worker;
GRANT SELECT (id, lane, topic, created_at, refused_at, reason) ON outbox_refused TO jingwei_gateway;
