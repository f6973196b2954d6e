-- name: strike
INSERT INTO strike AS s (
    consumer_group, topic, partition, record_offset, starts, last_start, error
) VALUES ($1, $2, $3, $4, 1, $5, $6)
ON CONFLICT (consumer_group, topic, partition, record_offset) DO UPDATE
SET starts = s.starts + CASE WHEN s.last_start = excluded.last_start THEN 0 ELSE 1 END,
    last_start = excluded.last_start, error = excluded.error, at = clock_timestamp(), passed = NULL
RETURNING starts;

-- name: open
SELECT record_offset FROM strike
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND passed IS NULL;

-- name: clear
DELETE FROM strike
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND passed IS NULL
  AND record_offset = ANY($4::bigint[]);

-- name: set_aside
UPDATE strike SET passed = $5
WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND record_offset = $4;

-- name: passed
SELECT coalesce(sum(next_offset), 0)::bigint FROM consumed
WHERE consumer_group = $1 AND topic = $2;

-- name: latest
SELECT passed FROM strike
WHERE consumer_group = $1 AND topic = $2 AND passed IS NOT NULL
ORDER BY at DESC LIMIT $3;
