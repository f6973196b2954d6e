-- name: calls
SELECT category, severity, ST_X(point) AS lon, ST_Y(point) AS lat
FROM incident
WHERE region = $1 AND severity = ANY($2::text[]) AND opened_at >= $3 AND opened_at < $4
    AND point IS NOT NULL AND merged_into IS NULL
    AND (disposition IS NULL OR disposition NOT IN ('unfounded', 'duplicate', 'cancelled'))
ORDER BY opened_at, id;

-- name: period
SELECT min(opened_at) AS first, max(opened_at) AS last FROM incident WHERE region = $1;

-- name: policy
SELECT policy FROM region WHERE region = $1 AND policy IS NOT NULL;
