-- The statements of partners' keys for signed requests.

-- name: lock_account
SELECT id FROM users_auth WHERE id = $1 AND status = 'active' FOR UPDATE;

-- name: count_keys
SELECT count(*) FROM partner_keys WHERE user_id = $1 AND expires_at > $2;

-- name: insert_key
INSERT INTO partner_keys (
    id, user_id, keyid, name, algorithm, public_key, sealed_secret, scopes, created_at, expires_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: keys_of
SELECT id, keyid, name, algorithm, scopes, created_at, expires_at, last_used_at FROM partner_keys
WHERE user_id = $1 ORDER BY created_at DESC, id DESC;

-- name: key_by_keyid
SELECT id, user_id, keyid, algorithm, public_key, sealed_secret, scopes, created_at, expires_at, last_used_at
FROM partner_keys WHERE keyid = $1 AND expires_at > $2;

-- name: use_key
UPDATE partner_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3);

-- name: delete_key
DELETE FROM partner_keys WHERE id = $1 AND user_id = $2 RETURNING keyid;

-- name: sweep_keys
DELETE FROM partner_keys WHERE expires_at < $1;
