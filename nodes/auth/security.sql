-- The statements of proofs by mail, sessions, API keys and the audit log.

-- name: put_token
-- The one open token of a purpose: a newer one takes its place, but not within a minute.
INSERT INTO one_time_tokens (user_id, purpose, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (user_id, purpose) DO UPDATE SET
    token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE one_time_tokens.created_at <= $6;

-- name: token_owner
SELECT user_id FROM one_time_tokens WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3;

-- name: take_token
-- Of several who come with one token, one gets a row.
DELETE FROM one_time_tokens WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING user_id;

-- name: drop_tokens
DELETE FROM one_time_tokens WHERE user_id = $1;

-- name: sweep_tokens
DELETE FROM one_time_tokens WHERE expires_at < $1;

-- name: set_email_verified
UPDATE users_auth SET email_verified_at = coalesce(email_verified_at, $2)
WHERE id = $1 AND status = 'active' RETURNING email;

-- name: set_password
UPDATE users_auth SET password_hash = $2, email_verified_at = coalesce(email_verified_at, $3)
WHERE id = $1 AND status = 'active' RETURNING email;

-- name: ask_reset
INSERT INTO reset_requests (email, headers, created_at) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING;

-- name: next_resets
-- Those that another instance is looking at are left to it.
DELETE FROM reset_requests WHERE email IN (
    SELECT email FROM reset_requests ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
) RETURNING email, headers;

-- name: sessions_of
SELECT s.id, s.created_at, coalesce(last_used_at, s.created_at) AS last_used_at, user_agent, address,
    c.name AS application
FROM sessions s LEFT JOIN oauth_clients c ON c.id = s.client_id
WHERE user_id = $1 AND revoked_at IS NULL AND coalesce(last_used_at, s.created_at) > $2
    AND ($3::timestamptz IS NULL OR (coalesce(last_used_at, s.created_at), s.id) < ($3, $4))
ORDER BY coalesce(last_used_at, s.created_at) DESC, s.id DESC LIMIT $5;

-- name: withdraw_consent
-- To the client whose session somebody ends by hand.
DELETE FROM oauth_consents o USING sessions s
WHERE s.id = $1 AND s.user_id = $2 AND o.client_id = s.client_id AND o.user_id = s.user_id
    AND s.grant_type = 'authorization_code';

-- name: open_sessions
-- Locked in the order of their ids, as everywhere.
SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2 ORDER BY id FOR UPDATE;

-- name: revoke_all
UPDATE sessions SET revoked_at = $2 WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL;

-- name: revoke_all_tokens
UPDATE tokens SET revoked_at = $2 WHERE family_id = ANY($1::uuid[]) AND revoked_at IS NULL;

-- name: lock_own_session
SELECT revoked_at FROM sessions WHERE id = $1 AND user_id = $2 FOR UPDATE;

-- name: revoked_since
SELECT id, revoked_at FROM sessions WHERE revoked_at > $1 ORDER BY revoked_at DESC LIMIT $2;

-- name: lock_account
SELECT id FROM users_auth WHERE id = $1 AND status = 'active' FOR UPDATE;

-- name: count_keys
SELECT count(*) FROM api_keys WHERE user_id = $1 AND expires_at > $2;

-- name: insert_key
INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: keys_of
SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at FROM api_keys
WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: key_by_hash
SELECT id, user_id, scopes, created_at, expires_at, last_used_at FROM api_keys WHERE key_hash = $1 AND expires_at > $2;

-- name: use_key
UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3);

-- name: delete_key
DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING prefix;

-- name: sweep_keys
DELETE FROM api_keys WHERE expires_at < $1;

-- name: note
INSERT INTO audit_log (id, at, event, user_id, by_user, address, user_agent, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: note_review
INSERT INTO audit_log (id, at, event, user_id, by_user, address, user_agent, detail)
VALUES ($1, $2, 'review_decided', $3, $4, $5, $6, $7)
ON CONFLICT (id) WHERE event = 'review_decided' DO NOTHING;

-- name: audit
SELECT position, id, at, event, user_id, by_user AS by, address, user_agent, detail FROM audit_log
WHERE ($1::uuid IS NULL OR user_id = $1) AND ($2::text IS NULL OR event = $2)
    AND ($3::bigint IS NULL OR position < $3)
ORDER BY position DESC LIMIT $4;

-- name: anonymise_audit
UPDATE audit_log SET address = NULL, user_agent = NULL
WHERE user_id = $1 AND (address IS NOT NULL OR user_agent IS NOT NULL);

-- name: sweep_audit
DELETE FROM audit_log WHERE at < $1;
