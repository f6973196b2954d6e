-- name: write
INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4);

-- name: page
SELECT id, at, role, actor, action, subject, detail
FROM audit
WHERE ($1::bigint IS NULL OR id < $1)
  AND ($3::text IS NULL OR actor = $3)
  AND ($4::text IS NULL OR action = $4)
  AND ($5::text IS NULL OR subject = $5)
  AND ($6::timestamptz IS NULL OR id >= (SELECT min(id) FROM audit WHERE at >= $6))
ORDER BY id DESC LIMIT $2;

-- name: rows
SELECT id, previous, hash, audit_row(audit) AS row FROM audit WHERE id > $1 ORDER BY id LIMIT $2;

-- name: lately
SELECT count(*) FROM audit
WHERE actor = $1 AND action = $2
  AND id >= (SELECT min(id) FROM audit WHERE at > clock_timestamp() - make_interval(secs => $3));
