-- name: fill
INSERT INTO subscription (department, target)
SELECT d, 'dept.' || d FROM unnest($1::text[]) AS d
ON CONFLICT DO NOTHING;

-- name: load
SELECT id, department, target, categories, severities, subdistricts
FROM subscription WHERE active AND channel = 'kafka'
ORDER BY department, id;
