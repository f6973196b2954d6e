-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended($1, 0));

-- name: forget
DELETE FROM fence WHERE city = $1;

-- name: fence
INSERT INTO fence (city, id, kind, name, attributes, geom)
VALUES ($1, $2, $3, $4, $5, ST_SetSRID(ST_GeomFromWKB($6::bytea), 4326));
