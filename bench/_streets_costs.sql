-- Times from one start ($2) to many nodes ($3); $1 is the query that gives the arcs.
SELECT end_vid, agg_cost FROM pgr_dijkstraCost($1, $2::bigint, $3::bigint[], true);
