-- name: add_account
SELECT administer_add_account($1, $2, $3, $4, $5, $6);

-- name: account
SELECT administer_account($1, $2, $3, $4, $5, $6, $7);

-- name: add_token
SELECT administer_add_token($1, $2, $3, $4, $5, $6, $7);

-- name: revoke_token
SELECT administer_revoke_token($1, $2);

-- name: redrive
SELECT administer_redrive($1, $2);

-- name: letters
SELECT id, topic, partition, record_offset AS "offset", error, reason, agent, at, redriven_at,
       value_bytes
FROM dead_letter_summary
WHERE ($1::bigint IS NULL OR id < $1)
  AND ($2::text IS NULL OR topic = $2)
  AND ($3::text IS NULL OR error = $3)
  AND ($4::boolean IS NULL OR (redriven_at IS NOT NULL) = $4)
ORDER BY id DESC
LIMIT $5;

-- name: waiting
SELECT count(*) AS messages, min(created_at) AS oldest FROM outbox;

-- name: refused
SELECT count(*) FROM outbox_refused;

-- name: letters_waiting
SELECT count(*) FROM dead_letter_summary WHERE redriven_at IS NULL;

-- name: clients
-- Who is connected to this ledger, by the name that each part of Jingwei gives.
-- A worker's name goes on with its host and process.
SELECT split_part(application_name, '/', 1) AS part, count(DISTINCT client_addr) AS hosts,
    count(*) AS connections
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'jingwei%'
GROUP BY part
ORDER BY part;
