-- The statements of the auth node.

-- name: account_by_email
SELECT id, email, password_hash, roles, status, pending_username, pending_full_name, created_at
FROM users_auth WHERE email = $1;

-- name: account
SELECT id, email, password_hash, roles, status, pending_username, pending_full_name, created_at
FROM users_auth WHERE id = $1;

-- name: insert_pending
INSERT INTO users_auth (id, email, password_hash, roles, status, pending_username, pending_full_name, created_at)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7)
ON CONFLICT (email) DO NOTHING;

-- name: activate
-- Also brings back a pending account that another registration of it, at the same time, has taken away.
INSERT INTO users_auth (id, email, password_hash, roles, status, created_at)
VALUES ($1, $2, $3, $4, 'active', $5)
ON CONFLICT (id) DO UPDATE SET status = 'active', pending_username = NULL, pending_full_name = NULL
WHERE users_auth.password_hash = excluded.password_hash;

-- name: delete_pending
DELETE FROM users_auth WHERE id = $1 AND status = 'pending';

-- name: take_over_pending
UPDATE users_auth SET password_hash = $3, created_at = $4
WHERE id = $1 AND status = 'pending' AND password_hash = $2;

-- name: set_password_hash
UPDATE users_auth SET password_hash = $3 WHERE id = $1 AND password_hash = $2;

-- name: add_role
UPDATE users_auth SET roles = array_append(roles, $2) WHERE id = $1 AND NOT $2 = ANY(roles);

-- name: set_last_login
UPDATE users_auth SET last_login = $2 WHERE id = $1;

-- name: insert_session
INSERT INTO sessions (id, user_id, created_at) VALUES ($1, $2, $3);

-- name: session
SELECT id, user_id, revoked_at FROM sessions WHERE id = $1;

-- name: lock_session
SELECT id, user_id, revoked_at FROM sessions WHERE id = $1 FOR UPDATE;

-- name: revoke_session
UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: revoke_tokens
UPDATE tokens SET revoked_at = $2 WHERE family_id = $1 AND revoked_at IS NULL;

-- name: token_by_hash
SELECT id, user_id, family_id, successor, used_at, repeated_at, revoked_at, expires_at
FROM tokens WHERE token_hash = $1 AND type = 'refresh';

-- name: token
SELECT id, user_id, family_id, successor, used_at, repeated_at, revoked_at, expires_at FROM tokens WHERE id = $1;

-- name: insert_token
INSERT INTO tokens (id, user_id, token_hash, type, family_id, predecessor, created_at, expires_at)
VALUES ($1, $2, $3, 'refresh', $4, $5, $6, $7);

-- name: use_token
UPDATE tokens SET used_at = $2, successor = $3 WHERE id = $1;

-- name: repeat_token
UPDATE tokens SET repeated_at = $2 WHERE id = $1;

-- name: delete_expired_tokens
DELETE FROM tokens WHERE expires_at < $1;

-- name: delete_empty_sessions
DELETE FROM sessions s
WHERE s.created_at < $1 AND NOT EXISTS (SELECT FROM tokens t WHERE t.family_id = s.id);

-- name: lock_keys
SELECT pg_advisory_xact_lock(7166182912001);

-- name: signing_keys
SELECT kid, private_key, created_at, signs_from, retires_at FROM signing_keys ORDER BY created_at, kid;

-- name: insert_signing_key
INSERT INTO signing_keys (kid, private_key, public_jwk, created_at, signs_from) VALUES ($1, $2, $3, $4, $4);

-- name: server_key
SELECT secret FROM server_keys WHERE name = $1;

-- name: insert_server_key
INSERT INTO server_keys (name, secret, created_at) VALUES ($1, $2, $3);
