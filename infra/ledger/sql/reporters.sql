-- name: fingerprint
SELECT fingerprint FROM vault;

-- name: settle
INSERT INTO vault (fingerprint) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: insert
WITH new AS (
    INSERT INTO reporter (ref, sealed) VALUES ($1, $3) ON CONFLICT DO NOTHING RETURNING ref
)
INSERT INTO reporter_key (ref, key) SELECT ref, $2 FROM new;

-- name: clear
SELECT ref, contact FROM reporter WHERE contact IS NOT NULL LIMIT $1;

-- name: seal
WITH sealed AS (UPDATE reporter SET sealed = $3, contact = NULL WHERE ref = $1 RETURNING ref)
INSERT INTO reporter_key (ref, key) SELECT ref, $2 FROM sealed;

-- name: reveal
SELECT key, sealed, erased_at FROM reveal_reporter($1, $2, $3, $4);

-- name: of_evidence
SELECT reporter_ref FROM evidence WHERE id = $1;
