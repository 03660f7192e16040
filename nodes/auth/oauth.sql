-- The statements of the authorization server.

-- name: insert_client
INSERT INTO oauth_clients (id, owner_id, name, secret_hash, redirect_uris, scopes, grant_types, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: count_clients
SELECT count(*) FROM oauth_clients WHERE owner_id = $1;

-- name: lock_owner
SELECT id FROM users_auth WHERE id = $1 AND status = 'active' FOR NO KEY UPDATE;

-- name: clients_of
SELECT id, name, secret_hash IS NOT NULL AS confidential, redirect_uris, scopes, grant_types, created_at
FROM oauth_clients WHERE owner_id = $1 ORDER BY created_at DESC, id DESC;

-- name: client
-- Only while its owner is a partner, or an administrator.
SELECT c.id, c.owner_id, c.name, c.secret_hash, c.redirect_uris, c.scopes, c.grant_types
FROM oauth_clients c JOIN users_auth u ON u.id = c.owner_id
WHERE c.id = $1 AND u.status = 'active' AND u.roles && ARRAY['partner', 'admin'];

-- name: delete_client
DELETE FROM oauth_clients WHERE id = $1 AND owner_id = $2 RETURNING name;

-- name: client_sessions
-- Locked in the order of their ids, as everywhere.
SELECT id, user_id FROM sessions WHERE client_id = $1 AND revoked_at IS NULL ORDER BY id FOR UPDATE;

-- name: own_session
-- Where somebody has signed in, not a client's session.
SELECT created_at FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND client_id IS NULL;

-- name: consent
SELECT scopes FROM oauth_consents WHERE user_id = $1 AND client_id = $2;

-- name: give_consent
INSERT INTO oauth_consents (user_id, client_id, scopes, given_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, client_id) DO UPDATE SET
    scopes = ARRAY(SELECT DISTINCT unnest(oauth_consents.scopes || excluded.scopes) ORDER BY 1),
    given_at = excluded.given_at;

-- name: insert_code
INSERT INTO authorization_codes (
    code_hash, client_id, user_id, session_id, redirect_uri, scopes, nonce, code_challenge, auth_time, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: code
SELECT code_hash, client_id, user_id, session_id, redirect_uri, scopes, nonce, code_challenge, auth_time, expires_at,
    used_at, family_id
FROM authorization_codes WHERE code_hash = $1;

-- name: use_code
-- Of several who come with one code, one gets a row; nobody once the session is over in which it was allowed.
UPDATE authorization_codes SET used_at = $2, family_id = $3
WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2
    AND EXISTS (SELECT FROM sessions s WHERE s.id = session_id AND s.revoked_at IS NULL)
RETURNING family_id;

-- name: sweep_codes
DELETE FROM authorization_codes WHERE expires_at < $1;

-- name: insert_client_session
INSERT INTO sessions (
    id, user_id, created_at, last_used_at, user_agent, address, client_id, grant_type, scopes)
VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8);

-- name: insert_refresh_token
INSERT INTO tokens (id, user_id, token_hash, type, family_id, created_at, expires_at)
VALUES ($1, $2, $3, 'refresh', $4, $5, $6);

-- name: use_machine_session
-- The one in which a client acts by its own secret.
UPDATE sessions SET last_used_at = $3 WHERE id = (
    SELECT id FROM sessions
    WHERE client_id = $1 AND user_id = $2 AND grant_type = 'client_credentials' AND revoked_at IS NULL
    ORDER BY created_at DESC LIMIT 1
) AND revoked_at IS NULL RETURNING id;

-- name: client_token
-- A refresh token of a client, with what its session allows.
SELECT t.id, t.user_id, t.family_id, t.successor, t.used_at, t.repeated_at, t.revoked_at, t.created_at, t.expires_at,
    s.client_id, s.scopes, s.revoked_at AS session_revoked_at
FROM tokens t JOIN sessions s ON s.id = t.family_id
WHERE t.token_hash = $1 AND t.type = 'refresh' AND s.client_id IS NOT NULL;

-- name: lock_roles
SELECT roles FROM users_auth WHERE id = $1 AND status = 'active' FOR NO KEY UPDATE;

-- name: set_roles
UPDATE users_auth SET roles = $2 WHERE id = $1;

-- name: hold_client
-- It is not removed before the transaction is through.
SELECT id FROM oauth_clients WHERE id = $1 FOR KEY SHARE;
