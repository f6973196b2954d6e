-- name: add
INSERT INTO fence_change (
    region, number, city, fence_id, kind, name, shape, geom, attributes, operator, reason, at,
    entry_id
) VALUES (
    $1, $2, $3, $4, $5, $6, $7,
    CASE WHEN $8::text IS NOT NULL
         THEN ST_Multi(ST_CollectionExtract(ST_MakeValid(
              ST_SetSRID(ST_GeomFromGeoJSON($8::text), 4326)), 3)) END,
    $9, $10, $11, $12, $13
);

-- name: forget_changed
DELETE FROM fence WHERE city = $1 AND id IN (SELECT fence_id FROM fence_change WHERE city = $1);

-- name: put_changed
INSERT INTO fence (city, id, kind, name, attributes, geom)
SELECT city, fence_id, kind, name, attributes, geom FROM (
    SELECT DISTINCT ON (fence_id) city, fence_id, kind, name, attributes, geom
    FROM fence_change WHERE city = $1 ORDER BY fence_id, number DESC
) AS latest
WHERE geom IS NOT NULL;

-- name: changes
SELECT number, fence_id, shape FROM fence_change
WHERE city = $1 AND number <= coalesce($2, number) ORDER BY number;

-- name: last
SELECT coalesce(max(number), 0) FROM fence_change WHERE city = $1;

-- name: region
SELECT region, city, fences FROM region WHERE city IS NOT NULL AND region = coalesce($1, region)
ORDER BY region;

-- name: history
SELECT region, city, number, fence_id AS fence, kind, name, geom IS NULL AS removed, operator,
       reason, at, entry_id AS entry
FROM fence_change WHERE region = $1 ORDER BY number DESC LIMIT $2;

-- name: one
SELECT id, kind, name, attributes FROM fence WHERE city = $1 AND id = $2;

-- name: crossing
SELECT ST_IsValidReason(g) AS why, ST_IsValid(g) AS valid,
       ST_X(location(ST_IsValidDetail(g))) AS lon_at, ST_Y(location(ST_IsValidDetail(g))) AS lat_at,
       CASE WHEN ST_IsValid(g) THEN ST_Area(g::geography) END AS area_m2
FROM (SELECT ST_SetSRID(ST_GeomFromGeoJSON($1::text), 4326) AS g) AS drawn;

-- name: outside
SELECT round(ST_Area(ST_Difference(drawn.g, districts.g)::geography)::numeric, 0)::float8 AS m2,
       ST_Area(drawn.g::geography) AS whole_m2
FROM (SELECT ST_SetSRID(ST_GeomFromGeoJSON($2::text), 4326) AS g) AS drawn,
     (SELECT ST_Union(geom) AS g FROM fence
      WHERE city = $1 AND kind = 'district' AND id <> $3) AS districts
WHERE districts.g IS NOT NULL;

-- name: overlaps
SELECT f.id, f.name, ST_Area(ST_Intersection(f.geom, drawn.g)::geography) AS m2,
       least(ST_Area(f.geom::geography), ST_Area(drawn.g::geography)) AS smaller_m2
FROM fence AS f, (SELECT ST_SetSRID(ST_GeomFromGeoJSON($2::text), 4326) AS g) AS drawn
WHERE f.city = $1 AND f.kind = $4 AND f.id <> $3 AND ST_Intersects(f.geom, drawn.g)
ORDER BY f.id;

-- name: touched
SELECT i.id, i.number
FROM incident AS i
LEFT JOIN fence AS f ON f.city = $2 AND f.id = $3,
     (SELECT ST_SetSRID(ST_GeomFromGeoJSON($4::text), 4326) AS g) AS drawn
WHERE i.region = $1 AND i.is_open AND i.point IS NOT NULL
  AND CASE WHEN f.id IS NOT NULL AND $4::text IS NOT NULL AND (f.kind, f.name) = ($5, $6)
           THEN ST_Covers(f.geom, i.point)
                IS DISTINCT FROM ST_Covers(drawn.g, i.point)
           ELSE coalesce(ST_Covers(f.geom, i.point), false)
                OR coalesce(ST_Covers(drawn.g, i.point), false)
      END
ORDER BY i.number;
