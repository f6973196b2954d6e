-- The cities that decisions are made in, so that a worker on any host finds each by its digest.

CREATE TABLE city (
    digest text PRIMARY KEY,
    region text NOT NULL,
    name text NOT NULL,
    name_en text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE city IS 'A city by its content hash; its files are in city_file and city_part.';

CREATE TABLE city_file (
    digest text NOT NULL REFERENCES city,
    name text NOT NULL CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]*$'),
    size bigint NOT NULL CHECK (size >= 0),
    sha256 text NOT NULL,
    PRIMARY KEY (digest, name)
);
COMMENT ON COLUMN city_file.sha256 IS 'Of the whole file as it was on disk, hexadecimal.';

CREATE TABLE city_part (
    digest text NOT NULL,
    name text NOT NULL,
    number integer NOT NULL CHECK (number >= 0),
    content bytea NOT NULL,
    PRIMARY KEY (digest, name, number),
    FOREIGN KEY (digest, name) REFERENCES city_file
);
-- It is compressed already.
ALTER TABLE city_part ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON COLUMN city_part.content IS
    'A piece of the file, compressed by zlib; the pieces in order of number are the file.';

CREATE TRIGGER city_only_grows BEFORE UPDATE ON city
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER city_file_only_grows BEFORE UPDATE ON city_file
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER city_part_only_grows BEFORE UPDATE ON city_part
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON city, city_file, city_part TO jingwei_worker;
GRANT SELECT ON city, city_file, city_part TO jingwei_gateway;
CREATE VIEW planning.city AS SELECT digest, region, name, name_en, kept_at FROM public.city;
GRANT SELECT ON planning.city TO jingwei_planner;
