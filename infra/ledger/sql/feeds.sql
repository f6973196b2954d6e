-- name: fill
INSERT INTO subscription (department, target)
SELECT d, 'dept.' || d FROM unnest($1::text[]) AS d
ON CONFLICT DO NOTHING;

-- name: load
SELECT id, department, target, categories, severities, subdistricts
FROM subscription WHERE active AND channel = 'kafka'
ORDER BY department, id;

-- name: told
SELECT t.subscription_id, t.incident_id, t.seq, t.missing
FROM feed_told AS t
JOIN subscription AS s ON s.id = t.subscription_id AND s.target = t.target
WHERE t.incident_id = ANY($1::text[]);

-- name: save_told
INSERT INTO feed_told (subscription_id, incident_id, target, seq, missing)
SELECT r.subscription_id, r.incident_id, r.target, r.seq, r.missing::integer[]
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::text[]) AS r (
    subscription_id, incident_id, target, seq, missing
)
ON CONFLICT (subscription_id, incident_id) DO UPDATE
SET target = excluded.target, seq = excluded.seq, missing = excluded.missing,
    told_at = clock_timestamp();

-- name: forget_told
DELETE FROM feed_told
WHERE (subscription_id, incident_id) IN (
    SELECT t.subscription_id, t.incident_id
    FROM feed_told AS t LEFT JOIN incident AS i ON i.id = t.incident_id
    WHERE t.told_at < clock_timestamp() - make_interval(secs => $1)
      AND NOT coalesce(i.is_open, false)
    LIMIT $2
);
