-- name: lock
SELECT c.topic, c.partition, c.next_offset
FROM consumed AS c
JOIN unnest($2::text[], $3::integer[]) AS wanted (topic, partition) USING (topic, partition)
WHERE c.consumer_group = $1
ORDER BY c.topic, c.partition
FOR UPDATE OF c;

-- name: begin
INSERT INTO consumed (consumer_group, topic, partition, next_offset)
SELECT $1, topic, partition, 0
FROM unnest($2::text[], $3::integer[]) AS wanted (topic, partition)
ORDER BY topic, partition
ON CONFLICT DO NOTHING;

-- name: advance
UPDATE consumed AS c
SET next_offset = reached.next_offset, advanced_at = clock_timestamp()
FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS reached (topic, partition, next_offset)
WHERE c.consumer_group = $1 AND c.topic = reached.topic AND c.partition = reached.partition
  AND c.next_offset <= reached.next_offset
RETURNING c.topic, c.partition;
