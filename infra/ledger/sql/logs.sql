-- name: known
SELECT DISTINCT ON (topic) topic, incarnation, topic_id, partitions, noticed_at
FROM topic_log ORDER BY topic, incarnation DESC;

-- name: note
INSERT INTO topic_log (topic, incarnation, topic_id, partitions) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING topic;

-- name: begin_anew
UPDATE consumed SET next_offset = 0, incarnation = $2, advanced_at = clock_timestamp()
WHERE topic = $1 AND incarnation < $2;

-- name: drop_strikes
DELETE FROM strike WHERE topic = $1;

-- name: lose
INSERT INTO lost_range AS l (
    consumer_group, topic, partition, incarnation, first_offset, last_offset
)
SELECT $1, $2, $3::integer,
    coalesce((SELECT max(incarnation) FROM topic_log WHERE topic = $2), 0), $4::bigint, $5::bigint
ON CONFLICT (consumer_group, topic, partition, incarnation, first_offset)
DO UPDATE SET last_offset = excluded.last_offset WHERE l.last_offset < excluded.last_offset;

-- name: lost
SELECT topic, partition, incarnation, first_offset, last_offset, noticed_at
FROM lost_range WHERE consumer_group = $1 ORDER BY noticed_at DESC, topic, partition;
