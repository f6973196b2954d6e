-- $1, $2: longitudes and latitudes. Which fences cover which points.
SELECT (p.i - 1)::integer AS point, f.slot
FROM unnest($1::float8[], $2::float8[]) WITH ORDINALITY AS p (lon, lat, i)
JOIN bench_fence f ON ST_Covers(f.geom, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326))
