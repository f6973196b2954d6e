-- name: regions
SELECT region, applied_offset FROM region;

-- name: incidents
SELECT record FROM incident WHERE is_open;

-- name: assignments
SELECT record FROM assignment WHERE ended IS NULL;

-- name: alerts
SELECT record FROM alert WHERE ended_at IS NULL;

-- name: units
SELECT record FROM unit;

-- name: reached
SELECT topic, partition, max(next_offset) AS next_offset FROM consumed GROUP BY topic, partition;

-- name: sessions
SELECT s.hash, a.name, a.role, a.department, a.unit_id AS unit, a.role AS scope,
       extract(epoch FROM s.created_at + make_interval(secs => $3) - clock_timestamp())::float8
           AS left_s
FROM session AS s JOIN account AS a ON a.name = s.account
WHERE s.hash = ANY($1::bytea[]) AND s.revoked_at IS NULL AND a.disabled_at IS NULL
  AND s.seen_at > clock_timestamp() - make_interval(secs => $2)
  AND s.created_at > clock_timestamp() - make_interval(secs => $3);

-- name: tokens
SELECT t.hash, a.name, a.role, a.department, a.unit_id AS unit, t.role AS scope,
       extract(epoch FROM t.expires_at - clock_timestamp())::float8 AS left_s
FROM api_token AS t JOIN account AS a ON a.name = t.account
WHERE t.hash = ANY($1::bytea[]) AND t.revoked_at IS NULL
  AND t.expires_at > clock_timestamp() AND a.disabled_at IS NULL;
