-- The statements of sign-ins at other providers, and of a password that its owner changes.

-- name: insert_attempt
INSERT INTO login_attempts (state_hash, browser_hash, provider, place, user_id, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: take_attempt
-- Of several who come with one state, one gets a row; who is not the browser that began it does not use it up.
UPDATE login_attempts SET used_at = $4
WHERE state_hash = $1 AND browser_hash = $2 AND provider = $3 AND used_at IS NULL AND expires_at > $4
RETURNING place, user_id;

-- name: sweep_attempts
DELETE FROM login_attempts WHERE expires_at < $1;

-- name: identity_owner
SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2;

-- name: use_identity
UPDATE identities SET last_used_at = $3, email = coalesce($4, email) WHERE issuer = $1 AND subject = $2;

-- name: insert_identity
INSERT INTO identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT (issuer, subject) DO NOTHING;

-- name: identities_of
SELECT id, provider, email, created_at, last_used_at FROM identities WHERE user_id = $1 ORDER BY created_at, id;

-- name: delete_identity
DELETE FROM identities WHERE id = $1 AND user_id = $2 RETURNING provider;

-- name: lock_own_account
SELECT password_hash <> '' AS has_password FROM users_auth WHERE id = $1 AND status = 'active' FOR UPDATE;

-- name: lock_verified
SELECT id FROM users_auth WHERE id = $1 AND status = 'active' AND email = $2 AND email_verified_at IS NOT NULL
FOR UPDATE;

-- name: claim_account
-- Whoever made this account has not proven its address; who has, gets it. The password of the former is gone.
UPDATE users_auth SET password_hash = '', email_verified_at = $3
WHERE id = $1 AND email = $2 AND status = 'active' AND email_verified_at IS NULL AND NOT 'admin' = ANY(roles);

-- name: clear_attempts
DELETE FROM login_attempts WHERE user_id = $1;

-- name: change_password
UPDATE users_auth SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND status = 'active' RETURNING email;

-- name: drop_reset_tokens
DELETE FROM one_time_tokens WHERE user_id = $1 AND purpose = 'reset_password';
