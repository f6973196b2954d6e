-- Streets as rows, for maps: a gateway reads the ledger only, and has no city's folder.

CREATE TABLE street (
    city text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    kph real NOT NULL,
    lanes integer NOT NULL,
    oneway boolean NOT NULL,
    emergency_only boolean NOT NULL,
    ferry boolean NOT NULL,
    length_m real NOT NULL,
    drawn boolean NOT NULL,
    geom geometry(LineString, 4326) NOT NULL,
    PRIMARY KEY (city, id)
);
CREATE INDEX street_geom ON street USING gist (geom) WHERE drawn;
COMMENT ON COLUMN street.id IS 'Of a directed arc, as street_condition.segments names it.';
COMMENT ON COLUMN street.drawn IS 'Of the two arcs of a street one is drawn.';

GRANT SELECT, INSERT ON street TO jingwei_worker;
GRANT SELECT ON street TO jingwei_gateway;
CREATE VIEW planning.street AS
SELECT city, id, name, kph, lanes, oneway, emergency_only, ferry, length_m, drawn, geom
FROM public.street;
GRANT SELECT ON planning.street TO jingwei_planner;
