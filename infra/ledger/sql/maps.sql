-- Tiles: $1 zoom, $2 column, $3 row, 4096 units wide with 256 around them. Times are milliseconds
-- since 1970, which styles can compare. Features: columns of a GeoJSON feature, `geom` and the
-- rest its properties, in the order of their pages. (&& alone is too coarse for boxes: its
-- numbers have four bytes, which is a metre.)

-- name: cities
SELECT array_agg(DISTINCT city ORDER BY city) FROM region WHERE city IS NOT NULL;

-- name: fences_changed
SELECT coalesce(sum(fences), 0)::bigint FROM region;

-- name: bounds
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)
FROM (SELECT ST_Extent(geom) AS e FROM fence WHERE city = ANY($1)) AS f
WHERE e IS NOT NULL;

-- name: incidents_tile
-- A tile with more than there is room for has a layer that says so.
SELECT ST_AsMVT(t.*, 'incidents', 4096, 'geom') || CASE WHEN count(*) > $10::int THEN (
           SELECT ST_AsMVT(l.*, 'left_out', 4096, 'geom')
           FROM (SELECT ST_AsMVTGeom(ST_TileEnvelope($1::int, $2::int, $3::int), ST_TileEnvelope($1::int, $2::int, $3::int)) AS geom,
                        $10::int AS shown) AS l
       ) ELSE '' END
FROM (
    SELECT ST_AsMVTGeom(ST_Transform(point, 3857), ST_TileEnvelope($1::int, $2::int, $3::int), 4096, 256) AS geom,
           id, number, title, category, severity, state, is_open AS open,
           (extract(epoch FROM opened_at) * 1000)::bigint AS opened_at
    FROM (
        SELECT point, id, number, title, category, severity, state, is_open, opened_at
        FROM incident
        WHERE point && ST_Transform(ST_TileEnvelope($1::int, $2::int, $3::int, margin => 0.0625), 4326)
          AND ($4::text[] IS NULL OR category = ANY($4))
          AND ($5::text IS NULL OR id = ANY (ARRAY(
               SELECT incident_id FROM assignment WHERE unit_id = $5 AND ended IS NULL)))
          AND ($6::boolean IS NULL OR is_open = $6)
          AND ($7::text[] IS NULL OR severity = ANY($7))
          AND ($8::text[] IS NULL OR category = ANY($8))
          AND ($9::timestamptz IS NULL OR opened_at >= $9)
        ORDER BY opened_at DESC, id DESC
        LIMIT $10::int + 1
    ) AS i
) AS t
WHERE geom IS NOT NULL;

-- name: units_tile
SELECT ST_AsMVT(t.*, 'units', 4096, 'geom') FROM (
    SELECT ST_AsMVTGeom(ST_Transform(position, 3857), ST_TileEnvelope($1::int, $2::int, $3::int), 4096, 256)
               AS geom,
           id, name, kind, department, state, incident_id AS incident, heading_deg AS heading,
           (extract(epoch FROM position_at) * 1000)::bigint AS position_at
    FROM unit
    WHERE position && ST_Transform(ST_TileEnvelope($1::int, $2::int, $3::int, margin => 0.0625), 4326)
      AND ($4::text IS NULL OR id = $4)
      AND ($5::text IS NULL OR department = $5)
    ORDER BY id
) AS t
WHERE geom IS NOT NULL;

-- name: tracks_tile
-- Positions in the tile and 500 m around it; a line ends where the next one is two minutes later.
SELECT ST_AsMVT(t.*, 'tracks', 4096, 'geom') FROM (
    SELECT ST_AsMVTGeom(ST_Transform(ST_MakeLine(point ORDER BY at), 3857),
                        ST_TileEnvelope($1::int, $2::int, $3::int), 4096, 256) AS geom,
           unit, (extract(epoch FROM min(at)) * 1000)::bigint AS since,
           (extract(epoch FROM max(at)) * 1000)::bigint AS until
    FROM (
        SELECT unit, at, point,
               count(*) FILTER (WHERE pause IS NULL OR pause > interval '2 minutes')
                   OVER (PARTITION BY unit ORDER BY at) AS leg
        FROM (
            SELECT t.unit_id AS unit, t.at, t.point,
                   t.at - lag(t.at) OVER (PARTITION BY t.unit_id ORDER BY t.at) AS pause
            FROM unit_track AS t JOIN unit AS u ON u.id = t.unit_id
            WHERE t.point && ST_Transform(ST_TileEnvelope($1::int, $2::int, $3::int,
                      margin => greatest(0.0625, 500 * 2.0::float8 ^ $1::int / 40075016)), 4326)
              AND t.at >= $6
              AND ($4::text IS NULL OR u.id = $4)
              AND ($5::text IS NULL OR u.department = $5)
        ) AS fix
    ) AS fix
    GROUP BY unit, leg
    HAVING count(*) > 1
    ORDER BY unit, leg
) AS t
WHERE geom IS NOT NULL;

-- name: conditions_tile
SELECT ST_AsMVT(t.*, 'conditions', 4096, 'geom') FROM (
    SELECT ST_AsMVTGeom(ST_Transform(s.geom, 3857), ST_TileEnvelope($1::int, $2::int, $3::int), 4096, 256) AS geom,
           c.region || '.' || c.id AS id, c.kind, c.reason, c.speed_factor, c.lanes_closed, c.depth_m,
           (extract(epoch FROM c.valid_from) * 1000)::bigint AS valid_from,
           (extract(epoch FROM c.valid_until) * 1000)::bigint AS valid_until
    FROM street_condition AS c
    JOIN region AS r ON r.region = c.region
    CROSS JOIN LATERAL (
        SELECT ST_Collect(geom) AS geom FROM street
        WHERE city = r.city AND id = ANY(c.segments)
    ) AS s
    WHERE c.ended_at IS NULL
      AND s.geom && ST_Transform(ST_TileEnvelope($1::int, $2::int, $3::int, margin => 0.0625), 4326)
    ORDER BY c.region, c.id
) AS t
WHERE geom IS NOT NULL;

-- name: fences_tile
SELECT ST_AsMVT(t.*, 'fences', 4096, 'geom') FROM (
    SELECT ST_AsMVTGeom(ST_Transform(ST_Simplify(geom, 360 / 2.0::float8 ^ $1::int / 4096, true), 3857),
                        ST_TileEnvelope($1::int, $2::int, $3::int), 4096, 256) AS geom, id, kind, name
    FROM fence
    WHERE city = ANY($4)
      AND geom && ST_Transform(ST_TileEnvelope($1::int, $2::int, $3::int, margin => 0.0625), 4326)
    ORDER BY city, id
) AS t
WHERE geom IS NOT NULL;

-- name: streets_tile
-- Far away only the streets that are fast.
SELECT ST_AsMVT(t.*, 'streets', 4096, 'geom') FROM (
    SELECT ST_AsMVTGeom(ST_Transform(ST_Simplify(geom, 360 / 2.0::float8 ^ $1::int / 4096, true), 3857),
                        ST_TileEnvelope($1::int, $2::int, $3::int), 4096, 256) AS geom,
           id, name, kph::int AS kph, lanes, oneway, emergency_only, ferry
    FROM street
    WHERE drawn AND city = ANY($4)
      AND kph >= CASE WHEN $1::int >= 13 THEN 0 WHEN $1::int >= 11 THEN 40 WHEN $1::int >= 9 THEN 50 ELSE 60 END
      AND geom && ST_Transform(ST_TileEnvelope($1::int, $2::int, $3::int, margin => 0.0625), 4326)
    ORDER BY kph, city, id
) AS t
WHERE geom IS NOT NULL;

-- name: incidents
SELECT f.opened_at, f.id, ST_AsGeoJSON(f.*, 'geom', 7) AS feature FROM (
    SELECT point AS geom, id, number, version, category, severity, confidence, state,
           is_open AS open, title, accuracy_m, district, subdistrict, beat, hazard_zones, address,
           opened_at, updated_at, acknowledged_at, resourced_at, closed_at, disposition, merged_into
    FROM incident
    WHERE ($1::timestamptz IS NULL OR (opened_at, id) < ($1, $2::text))
      AND ($3::float8[] IS NULL
           OR ST_Intersects(point, ST_MakeEnvelope(($3)[1], ($3)[2], ($3)[3], ($3)[4], 4326))
           OR ST_Intersects(point, ST_MakeEnvelope(($3)[5], ($3)[6], ($3)[7], ($3)[8], 4326)))
      AND ($4::timestamptz IS NULL OR opened_at >= $4)
      AND ($5::timestamptz IS NULL OR opened_at <= $5)
      AND ($6::text IS NULL OR id = $6)
      AND ($7::text[] IS NULL OR category = ANY($7))
      AND ($8::text IS NULL OR id = ANY (ARRAY(
           SELECT incident_id FROM assignment WHERE unit_id = $8 AND ended IS NULL)))
      AND ($9::boolean IS NULL OR is_open = $9)
      AND ($10::text[] IS NULL OR severity = ANY($10))
      AND ($11::text[] IS NULL OR category = ANY($11))
      AND ($12::text[] IS NULL OR state = ANY($12))
    ORDER BY opened_at DESC, id DESC
    LIMIT $13
) AS f
ORDER BY f.opened_at DESC, f.id DESC;

-- name: units
SELECT f.id, ST_AsGeoJSON(f.*, 'geom', 7) AS feature FROM (
    SELECT position AS geom, id, name, kind, department, capabilities, station, state,
           position_at, heading_deg, status_at, incident_id AS incident
    FROM unit
    WHERE ($1::text IS NULL OR id > $1)
      AND ($2::float8[] IS NULL
           OR ST_Intersects(position, ST_MakeEnvelope(($2)[1], ($2)[2], ($2)[3], ($2)[4], 4326))
           OR ST_Intersects(position, ST_MakeEnvelope(($2)[5], ($2)[6], ($2)[7], ($2)[8], 4326)))
      AND ($3::timestamptz IS NULL OR position_at >= $3)
      AND ($4::timestamptz IS NULL OR position_at <= $4)
      AND ($5::text IS NULL OR id = $5)
      AND ($6::text IS NULL OR id = $6)
      AND ($7::text IS NULL OR department = $7)
      AND ($8::text[] IS NULL OR kind = ANY($8))
      AND ($9::text[] IS NULL OR state = ANY($9))
    ORDER BY id
    LIMIT $10
) AS f
ORDER BY f.id;

-- name: tracks
SELECT f.unit, f.at, f.id, ST_AsGeoJSON(f.*, 'geom', 7) AS feature FROM (
    SELECT t.point AS geom,
           t.unit_id || '@' || (extract(epoch FROM t.at) * 1000000)::bigint AS id,
           t.unit_id AS unit, t.at, t.accuracy_m, t.speed_mps, t.heading_deg
    FROM unit_track AS t JOIN unit AS u ON u.id = t.unit_id
    WHERE ($1::text IS NULL OR (t.unit_id, t.at) > ($1, $2::timestamptz))
      AND ($3::float8[] IS NULL
           OR ST_Intersects(t.point, ST_MakeEnvelope(($3)[1], ($3)[2], ($3)[3], ($3)[4], 4326))
           OR ST_Intersects(t.point, ST_MakeEnvelope(($3)[5], ($3)[6], ($3)[7], ($3)[8], 4326)))
      AND ($4::timestamptz IS NULL OR t.at >= $4)
      AND ($5::timestamptz IS NULL OR t.at <= $5)
      AND ($6::text IS NULL OR t.unit_id = $6)
      AND ($7::text IS NULL OR t.unit_id = $7)
      AND ($8::text IS NULL OR u.department = $8)
    ORDER BY t.unit_id, t.at
    LIMIT $9
) AS f
ORDER BY f.unit, f.at;

-- name: conditions
SELECT f.region, f.condition, f.id, ST_AsGeoJSON(f.*, 'geom', 7) AS feature FROM (
    SELECT s.geom, c.region || '.' || c.id AS id, c.region, c.id AS condition, c.kind, s.streets, c.reason,
           c.speed_factor, c.lanes_closed, c.depth_m, c.valid_from, c.valid_until, c.ended_at
    FROM street_condition AS c
    JOIN region AS r ON r.region = c.region
    CROSS JOIN LATERAL (
        SELECT ST_Collect(geom) AS geom,
               string_agg(DISTINCT nullif(name, ''), ' · ') AS streets
        FROM street
        WHERE city = r.city AND id = ANY(c.segments)
    ) AS s
    WHERE ($1::text IS NULL OR (c.region, c.id) > ($1, $2::text))
      AND ($3::float8[] IS NULL
           OR ST_Intersects(s.geom, ST_MakeEnvelope(($3)[1], ($3)[2], ($3)[3], ($3)[4], 4326))
           OR ST_Intersects(s.geom, ST_MakeEnvelope(($3)[5], ($3)[6], ($3)[7], ($3)[8], 4326)))
      AND ($4::timestamptz IS NULL OR coalesce(c.ended_at, c.valid_until, 'infinity') >= $4)
      AND ($5::timestamptz IS NULL OR c.valid_from <= $5)
      AND ($6::text IS NULL OR c.region || '.' || c.id = $6)
      AND ($7::text[] IS NULL OR c.kind = ANY($7))
    ORDER BY c.region, c.id
    LIMIT $8
) AS f
ORDER BY f.region, f.condition;

-- name: fences
SELECT f.region, f.fence, f.id, ST_AsGeoJSON(f.*, 'geom', 7) AS feature FROM (
    SELECT f.geom, r.region || '.' || f.id AS id, r.region, f.id AS fence, f.kind, f.name,
           f.attributes
    FROM fence AS f JOIN region AS r ON r.city = f.city
    WHERE ($1::text IS NULL OR (r.region, f.id) > ($1, $2::text))
      AND ($3::float8[] IS NULL
           OR ST_Intersects(f.geom, ST_MakeEnvelope(($3)[1], ($3)[2], ($3)[3], ($3)[4], 4326))
           OR ST_Intersects(f.geom, ST_MakeEnvelope(($3)[5], ($3)[6], ($3)[7], ($3)[8], 4326)))
      AND ($4::text IS NULL
           OR starts_with($4, r.region || '.') AND f.id = substr($4, length(r.region) + 2))
      AND ($5::text[] IS NULL OR f.kind = ANY($5))
    ORDER BY r.region, f.id
    LIMIT $6
) AS f
ORDER BY f.region, f.fence;

-- name: streets
SELECT f.city, f.arc, f.id, ST_AsGeoJSON(f.*, 'geom', 7) AS feature FROM (
    SELECT s.geom, r.region || '.' || s.id AS id, s.city, s.id AS arc, s.name, s.kph, s.lanes,
           s.oneway, s.emergency_only, s.ferry, s.length_m
    FROM street AS s JOIN region AS r ON r.city = s.city
    WHERE s.drawn
      AND ($1::text IS NULL OR (s.city, s.id) > ($1, $2::text))
      AND ($3::float8[] IS NULL
           OR ST_Intersects(s.geom, ST_MakeEnvelope(($3)[1], ($3)[2], ($3)[3], ($3)[4], 4326))
           OR ST_Intersects(s.geom, ST_MakeEnvelope(($3)[5], ($3)[6], ($3)[7], ($3)[8], 4326)))
      AND ($4::text IS NULL
           OR starts_with($4, r.region || '.') AND s.id = substr($4, length(r.region) + 2))
    ORDER BY s.city, s.id
    LIMIT $5
) AS f
ORDER BY f.city, f.arc;
