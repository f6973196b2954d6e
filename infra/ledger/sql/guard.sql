-- name: lock
SELECT c.topic, c.partition, c.next_offset, c.incarnation
FROM consumed AS c
JOIN unnest($2::text[], $3::integer[]) AS wanted (topic, partition) USING (topic, partition)
WHERE c.consumer_group = $1
ORDER BY c.topic, c.partition
FOR UPDATE OF c;

-- name: end_idle_holders
-- A client that stops while it sends rows leaves its backend "active", waiting for the next one: no
-- time limit of PostgreSQL's ends that. Each row that comes is a change of state.
SELECT a.pid, pg_terminate_backend(a.pid)
FROM pg_stat_activity AS a
WHERE a.pid = ANY(pg_blocking_pids($1)) AND a.usename = current_user
  AND a.application_name <> current_setting('application_name')
  AND (a.state LIKE 'idle in transaction%' OR (a.state = 'active' AND a.wait_event_type = 'Client'))
  AND a.state_change < clock_timestamp() - make_interval(secs => $2);

-- name: workers
SELECT DISTINCT application_name FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user
  AND starts_with(application_name, $1);

-- name: begin
INSERT INTO consumed (consumer_group, topic, partition, next_offset, incarnation)
SELECT $1, wanted.topic, wanted.partition, 0,
    coalesce((SELECT max(l.incarnation) FROM topic_log AS l WHERE l.topic = wanted.topic), 0)
FROM unnest($2::text[], $3::integer[]) AS wanted (topic, partition)
ORDER BY wanted.topic, wanted.partition
ON CONFLICT DO NOTHING;

-- name: advance
UPDATE consumed AS c
SET next_offset = reached.next_offset, advanced_at = clock_timestamp()
FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS reached (topic, partition, next_offset)
WHERE c.consumer_group = $1 AND c.topic = reached.topic AND c.partition = reached.partition
  AND c.next_offset <= reached.next_offset
RETURNING c.topic, c.partition;

-- name: retire
UPDATE consumed SET topic = topic || ' (read no more)' WHERE consumer_group = $1 AND topic = $2;

-- name: of_topic
SELECT partition, next_offset FROM consumed WHERE consumer_group = $1 AND topic = $2
ORDER BY partition;
