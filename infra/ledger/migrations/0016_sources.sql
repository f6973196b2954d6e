-- Who sends what, and how far the clock of each is from the broker's.

CREATE TABLE source_clock (
    topic text NOT NULL,
    partition integer NOT NULL,
    source text NOT NULL,
    messages bigint NOT NULL,
    refused bigint NOT NULL,
    not_newer bigint NOT NULL,
    last_arrival timestamptz NOT NULL,
    skew_s double precision,
    worst_s double precision,
    steps integer NOT NULL,
    PRIMARY KEY (topic, partition, source)
) WITH (fillfactor = 50);
COMMENT ON TABLE source_clock IS
    'What the intake noticed of each source''s clock; nothing is decided by it. Written every few '
    'seconds, so that counts may miss the last ones before a worker''s end.';
COMMENT ON COLUMN source_clock.skew_s IS
    'Seconds by which its times are ahead of their arrival, the median of the latest; negative '
    'where they are behind.';
COMMENT ON COLUMN source_clock.worst_s IS 'The skew of the message whose time was farthest off.';
COMMENT ON COLUMN source_clock.steps IS 'How often the skew has changed for good.';

GRANT SELECT, INSERT, UPDATE, DELETE ON source_clock TO jingwei_worker;
GRANT SELECT ON source_clock TO jingwei_gateway;
