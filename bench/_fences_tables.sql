CREATE TEMPORARY TABLE bench_fence (slot integer PRIMARY KEY, geom geometry(Geometry, 4326));
CREATE TEMPORARY TABLE bench_unit (id text PRIMARY KEY, geom geometry(Point, 4326));
