-- name: load
SELECT source, messages, refused, not_newer, last_arrival, skew_s, worst_s, steps
FROM source_clock WHERE topic = $1 AND partition = $2
ORDER BY source;

-- name: save
INSERT INTO source_clock (
    topic, partition, source, messages, refused, not_newer, last_arrival, skew_s, worst_s, steps
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (topic, partition, source) DO UPDATE
SET messages = excluded.messages, refused = excluded.refused,
    not_newer = excluded.not_newer, last_arrival = excluded.last_arrival,
    skew_s = excluded.skew_s, worst_s = excluded.worst_s, steps = excluded.steps;

-- name: forget
DELETE FROM source_clock WHERE topic = $1 AND partition = $2 AND source = ANY($3::text[]);

-- name: all
SELECT DISTINCT ON (source, topic)
    source, topic,
    (sum(messages) OVER each)::bigint AS messages,
    (sum(refused) OVER each)::bigint AS refused,
    (sum(not_newer) OVER each)::bigint AS not_newer,
    last_arrival, skew_s,
    first_value(worst_s) OVER (
        PARTITION BY source, topic ORDER BY abs(worst_s) DESC NULLS LAST
    ) AS worst_s,
    max(steps) OVER each AS steps
FROM source_clock
WINDOW each AS (PARTITION BY source, topic)
ORDER BY source, topic, last_arrival DESC;
