-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended($1, 0));

-- name: forget
DELETE FROM fence WHERE city = $1;

-- name: fence
INSERT INTO fence (city, id, kind, name, attributes, geom)
VALUES ($1, $2, $3, $4, $5, ST_SetSRID(ST_GeomFromWKB($6::bytea), 4326));

-- name: has_streets
SELECT EXISTS (SELECT FROM street WHERE city = $1);

-- name: streets
INSERT INTO street (city, id, name, kph, lanes, oneway, emergency_only, ferry, length_m, drawn,
                    geom)
SELECT $1, s.id, s.name, s.kph, s.lanes, s.oneway, s.emergency_only, s.ferry, s.length_m, s.drawn,
       ST_SetSRID(ST_GeomFromWKB(s.wkb), 4326)
FROM unnest($2::text[], $3::text[], $4::float8[], $5::int[], $6::boolean[], $7::boolean[],
            $8::boolean[], $9::float8[], $10::boolean[], $11::bytea[])
    AS s (id, name, kph, lanes, oneway, emergency_only, ferry, length_m, drawn, wkb);
