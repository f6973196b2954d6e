-- name: patience
SELECT set_config('lock_timeout', '300s', true), set_config('statement_timeout', '300s', true);

-- name: keep
INSERT INTO city (digest, region, name, name_en) VALUES ($1, $2, $3, $4)
ON CONFLICT (digest) DO NOTHING
RETURNING digest;

-- name: keep_file
INSERT INTO city_file (digest, name, size, sha256) VALUES ($1, $2, $3, $4);

-- name: keep_part
INSERT INTO city_part (digest, name, number, content) VALUES ($1, $2, $3, $4);

-- name: files
SELECT name, size, sha256 FROM city_file WHERE digest = $1 ORDER BY name;

-- name: part
SELECT content FROM city_part WHERE digest = $1 AND name = $2 AND number = $3;

-- name: kept
SELECT digest FROM city;

-- name: served
SELECT city FROM fence UNION SELECT city FROM region WHERE city IS NOT NULL ORDER BY 1;

-- name: in_force
SELECT r.region, r.city,
       coalesce((SELECT max(c.number) FROM fence_change AS c WHERE c.city = r.city), 0) AS fences
FROM region AS r WHERE r.city IS NOT NULL ORDER BY r.region;
