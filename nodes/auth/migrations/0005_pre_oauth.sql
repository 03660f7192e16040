-- The authorization server for partners.
CREATE TABLE oauth_clients (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    name text NOT NULL,
    secret_hash bytea,  -- SHA-256 of 256 random bits; null: a public client
    redirect_uris text[] NOT NULL,
    scopes text[] NOT NULL,
    grant_types text[] NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX oauth_clients_owner ON oauth_clients (owner_id, created_at DESC);

CREATE TABLE oauth_consents (
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    client_id uuid NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    scopes text[] NOT NULL,
    given_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

-- A used code stays until it expires, so that a second use is known for what it is.
CREATE TABLE authorization_codes (
    code_hash bytea PRIMARY KEY,  -- SHA-256
    client_id uuid NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    session_id uuid NOT NULL,  -- in which the user has allowed it
    redirect_uri text NOT NULL,
    scopes text[] NOT NULL,
    nonce text,
    code_challenge text NOT NULL,
    auth_time timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    family_id uuid  -- the session that was made from it
);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

-- A session of a client on behalf of a user; its refresh tokens are rows of `tokens` as any other's.
-- No reference: an ended session is told of for a while after its client is gone.
ALTER TABLE sessions
    ADD COLUMN client_id uuid,
    ADD COLUMN grant_type text,
    ADD COLUMN scopes text[];
CREATE INDEX sessions_client ON sessions (client_id) WHERE client_id IS NOT NULL;
