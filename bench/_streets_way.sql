-- The nodes of the quickest way from $2 to $3, and the time so far at each.
SELECT node, agg_cost FROM pgr_dijkstra($1, $2::bigint, $3::bigint, true) ORDER BY path_seq;
