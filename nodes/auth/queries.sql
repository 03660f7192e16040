-- The statements of the auth node.

-- name: account_by_email
SELECT id, email, password_hash, roles, status, pending_username, pending_full_name, email_verified_at, created_at
FROM users_auth WHERE email = $1 AND status <> 'deleted';

-- name: account
SELECT id, email, password_hash, roles, status, pending_username, pending_full_name, email_verified_at, created_at
FROM users_auth WHERE id = $1 AND status <> 'deleted';

-- name: insert_pending
INSERT INTO users_auth (id, email, password_hash, roles, status, pending_username, pending_full_name, created_at)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7)
ON CONFLICT (email) DO NOTHING;

-- name: activate
-- Also brings back a pending account that another registration of it, at the same time, has taken away.
INSERT INTO users_auth (id, email, password_hash, roles, status, created_at)
VALUES ($1, $2, $3, $4, 'active', $5)
ON CONFLICT (id) DO UPDATE SET status = 'active', pending_username = NULL, pending_full_name = NULL
WHERE users_auth.password_hash = excluded.password_hash AND users_auth.status <> 'deleted';

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
-- Also takes the lock under which an account is deleted or gets another password: no session begins after that.
UPDATE users_auth SET last_login = $2 WHERE id = $1 AND status <> 'deleted' AND password_hash = $3;

-- name: account_facts
SELECT id, email, email_verified_at IS NOT NULL AS email_verified, roles, created_at, last_login,
    (SELECT count(*) FROM sessions s WHERE s.user_id = u.id AND s.revoked_at IS NULL) AS sessions
FROM users_auth u WHERE id = $1 AND status <> 'deleted';

-- name: lock_sessions
-- Before the account's row, because a refresh locks its session first.
SELECT id FROM sessions WHERE user_id = $1 ORDER BY id FOR UPDATE;

-- name: mark_deleted
-- The row stays for a day without anything of its owner, so that nothing under way brings the account back.
UPDATE users_auth SET
    status = 'deleted', email = 'deleted:' || id, password_hash = '', roles = '{}', pending_username = NULL,
    pending_full_name = NULL, last_login = NULL, deleted_at = $3, announced_at = $3
WHERE id = $1 AND password_hash = $2 AND status <> 'deleted' AND NOT 'admin' = ANY(roles);

-- name: delete_sessions
DELETE FROM sessions WHERE user_id = $1;

-- name: delete_one_time_tokens
DELETE FROM one_time_tokens WHERE user_id = $1;

-- name: end_sessions_of_clients
-- Of other users with the clients of one whose account ends.
UPDATE sessions SET revoked_at = $2 WHERE revoked_at IS NULL AND client_id IN (
    SELECT id FROM oauth_clients WHERE owner_id = $1
);

-- name: delete_clients
DELETE FROM oauth_clients WHERE owner_id = $1;

-- name: delete_consents
DELETE FROM oauth_consents WHERE user_id = $1;

-- name: delete_codes
DELETE FROM authorization_codes WHERE user_id = $1;

-- name: delete_api_keys
DELETE FROM api_keys WHERE user_id = $1;

-- name: delete_identities
DELETE FROM identities WHERE user_id = $1;

-- name: delete_partner_keys
DELETE FROM partner_keys WHERE user_id = $1;

-- name: unannounced
-- Deleted accounts that were last told of before a time; those that another instance is telling of are left to it.
SELECT id, deleted_at FROM users_auth WHERE status = 'deleted' AND announced_at < $1
ORDER BY announced_at LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: set_announced
UPDATE users_auth SET announced_at = $2 WHERE id = ANY($1::uuid[]);

-- name: forget_deleted
DELETE FROM users_auth WHERE status = 'deleted' AND deleted_at < $1;

-- name: insert_session
INSERT INTO sessions (id, user_id, created_at, last_used_at, user_agent, address) VALUES ($1, $2, $3, $3, $4, $5);

-- name: touch_session
UPDATE sessions SET last_used_at = $2, user_agent = coalesce($3, user_agent), address = coalesce($4, address)
WHERE id = $1;

-- name: session
SELECT id, user_id, revoked_at FROM sessions WHERE id = $1;

-- name: session_began
SELECT id FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND created_at > $3;

-- name: lock_session
SELECT id, user_id, revoked_at FROM sessions WHERE id = $1 FOR UPDATE;

-- name: revoke_session
UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: revoke_tokens
UPDATE tokens SET revoked_at = $2 WHERE family_id = $1 AND revoked_at IS NULL;

-- name: token_by_hash
SELECT id, user_id, family_id, successor, used_at, repeated_at, revoked_at, expires_at
FROM tokens WHERE token_hash = $1 AND type = 'refresh'
    -- A client's token gives nothing here: it could leave its scopes behind.
    AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = tokens.family_id AND s.client_id IS NOT NULL);

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
WHERE coalesce(s.last_used_at, s.created_at) < $1 AND NOT EXISTS (SELECT FROM tokens t WHERE t.family_id = s.id);
