-- The net as pgRouting takes it. One row an arc; the node numbers are those of the columns.
CREATE TABLE bench_arc (
    id bigint PRIMARY KEY,
    source bigint NOT NULL,
    target bigint NOT NULL,
    cost double precision NOT NULL
);
