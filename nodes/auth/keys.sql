-- The statements of the keyring.

-- name: lock_keys
SELECT pg_advisory_xact_lock(7166182912001);

-- name: signing_keys
SELECT kid, alg, private_key, public_jwk, created_at, signs_from, retires_at, sealed FROM signing_keys
ORDER BY created_at, kid;

-- name: insert_signing_key
INSERT INTO signing_keys (kid, alg, private_key, public_jwk, created_at, signs_from, sealed)
VALUES ($1, $2, $3, $4, $5, $6, true);

-- name: retire_keys
UPDATE signing_keys SET retires_at = $2 WHERE alg = $1 AND retires_at IS NULL;

-- name: drop_keys
DELETE FROM signing_keys WHERE alg = $1 RETURNING kid;

-- name: delete_retired_keys
DELETE FROM signing_keys WHERE retires_at <= $1;

-- name: seal_signing_key
UPDATE signing_keys SET private_key = $2, sealed = true WHERE kid = $1 AND NOT sealed;

-- name: server_key
SELECT secret, sealed FROM server_keys WHERE name = $1;

-- name: insert_server_key
INSERT INTO server_keys (name, secret, created_at, sealed) VALUES ($1, $2, $3, true);

-- name: seal_server_key
UPDATE server_keys SET secret = $2, sealed = true WHERE name = $1 AND NOT sealed;
