-- name: claim
INSERT INTO command_key AS k (account, key, digest, command_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (account, key) DO UPDATE
SET claimed_at = clock_timestamp(), released_at = NULL
WHERE k.digest = excluded.digest
  AND (k.released_at IS NOT NULL
       OR k.claimed_at < clock_timestamp() - make_interval(secs => $5))
RETURNING command_id;

-- name: digest
SELECT digest FROM command_key WHERE account = $1 AND key = $2;

-- name: release
UPDATE command_key SET released_at = clock_timestamp() WHERE account = $1 AND key = $2;
