-- Lanes closed and water, as columns beside the record that holds them.

ALTER TABLE street_condition
    ADD COLUMN lanes_closed integer CHECK (lanes_closed BETWEEN 1 AND 20),
    ADD COLUMN depth_m double precision CHECK (depth_m BETWEEN 0 AND 10);

CREATE OR REPLACE VIEW planning.street_condition AS
SELECT region, id, kind, segments, speed_factor, valid_from, valid_until, ended_at, lanes_closed,
       depth_m
FROM public.street_condition;
