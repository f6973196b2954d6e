-- name: add
INSERT INTO account (name, role, department, unit_id, password) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING name;

-- name: get
SELECT name, role, department, unit_id AS unit, password, created_at, disabled_at
FROM account WHERE name = $1;

-- name: all
SELECT a.name, a.role, a.department, a.unit_id AS unit, a.created_at, a.password_at, a.disabled_at,
       a.issuer, max(s.seen_at) AS seen_at
FROM account AS a LEFT JOIN session AS s ON s.account = a.name
GROUP BY a.name ORDER BY a.name;

-- name: any
SELECT EXISTS (SELECT FROM account);

-- name: set_password
UPDATE account SET password = $2, password_at = clock_timestamp() WHERE name = $1 AND issuer IS NULL RETURNING name;

-- name: enter_federated
SELECT enter_federated($1, $2, $3, $4, $5, $6);

-- name: set_disabled
UPDATE account SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, clock_timestamp()) END
WHERE name = $1 RETURNING name;

-- name: end_sessions
UPDATE session SET revoked_at = clock_timestamp() WHERE account = $1 AND revoked_at IS NULL;

-- name: open_session
INSERT INTO session (hash, account)
SELECT $1, name FROM account WHERE name = $2 AND disabled_at IS NULL
RETURNING account;

-- name: session
SELECT a.name, a.role, a.department, a.unit_id AS unit,
       s.created_at + make_interval(secs => $3) AS expires_at,
       s.seen_at < clock_timestamp() - interval '1 minute' AS stale
FROM session AS s JOIN account AS a ON a.name = s.account
WHERE s.hash = $1 AND s.revoked_at IS NULL AND a.disabled_at IS NULL
  AND s.seen_at > clock_timestamp() - make_interval(secs => $2)
  AND s.created_at > clock_timestamp() - make_interval(secs => $3);

-- name: see_session
UPDATE session SET seen_at = clock_timestamp() WHERE hash = $1;

-- name: end_session
UPDATE session SET revoked_at = clock_timestamp() WHERE hash = $1 AND revoked_at IS NULL;

-- name: forget_sessions
DELETE FROM session WHERE created_at < clock_timestamp() - interval '30 days';

-- name: add_token
INSERT INTO api_token (prefix, hash, account, role, label, expires_at)
SELECT $1, $2, name, $4, $5, clock_timestamp() + make_interval(days => $6)
FROM account WHERE name = $3
RETURNING expires_at;

-- name: token
SELECT a.name, a.role, a.department, a.unit_id AS unit, t.role AS scope, t.expires_at, t.hash,
       t.used_at IS NULL OR t.used_at < clock_timestamp() - interval '1 minute' AS stale
FROM api_token AS t JOIN account AS a ON a.name = t.account
WHERE t.prefix = $1 AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()
  AND a.disabled_at IS NULL;

-- name: use_token
UPDATE api_token AS t SET used_at = clock_timestamp()
FROM (SELECT prefix, used_at FROM api_token WHERE prefix = $1 FOR UPDATE) AS before
WHERE t.prefix = before.prefix
RETURNING before.used_at IS NULL;

-- name: tokens
SELECT prefix, account, role, label, created_at, expires_at, revoked_at, used_at
FROM api_token WHERE $1::text IS NULL OR account = $1
ORDER BY created_at, prefix;

-- name: revoke_token
UPDATE api_token SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE prefix = $1
RETURNING account;

-- name: failures
SELECT count(*) AS of_address, count(*) FILTER (WHERE account = $1) AS of_pair
FROM sign_in_failure
WHERE address = $2 AND at > clock_timestamp() - make_interval(secs => $3);

-- name: add_failure
INSERT INTO sign_in_failure (account, address) VALUES ($1, $2);

-- name: clear_failures
DELETE FROM sign_in_failure WHERE account = $1 AND address = $2;

-- name: forget_failures
DELETE FROM sign_in_failure WHERE at < clock_timestamp() - interval '1 day';

-- name: add_link
INSERT INTO sign_in_link (hash, account, expires_at)
SELECT $1, name, clock_timestamp() + make_interval(mins => $3)
FROM account WHERE name = $2 AND issuer IS NULL AND disabled_at IS NULL
RETURNING expires_at;

-- name: use_link
DELETE FROM sign_in_link AS l USING account AS a
WHERE l.hash = $1 AND l.expires_at > clock_timestamp()
  AND a.name = l.account AND a.disabled_at IS NULL
RETURNING a.name;

-- name: drop_links
DELETE FROM sign_in_link WHERE account = $1;

-- name: forget_links
DELETE FROM sign_in_link WHERE expires_at < clock_timestamp();
