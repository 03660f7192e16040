CREATE TABLE users_auth (
    id uuid PRIMARY KEY,
    email text NOT NULL,  -- normalised: lower case, no spaces around
    password_hash text NOT NULL,
    auth_provider text NOT NULL DEFAULT 'password',
    roles text[] NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'active')),
    -- What the profile should have; only until it has been created.
    pending_username text,
    pending_full_name text,
    created_at timestamptz NOT NULL,
    last_login timestamptz,
    CONSTRAINT users_auth_email UNIQUE (email)
);

-- A session is a family of refresh tokens: each refresh makes the successor of the token that was used.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE tokens (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE,  -- SHA-256; the token itself is nowhere
    type text NOT NULL CHECK (type IN ('refresh', 'access')),
    family_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    predecessor uuid,
    successor uuid,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    repeated_at timestamptz,  -- when it was presented a second time and got the same successor
    revoked_at timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE INDEX tokens_family ON tokens (family_id);
CREATE INDEX tokens_expiry ON tokens (expires_at);

CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    private_key bytea NOT NULL,
    public_jwk text NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retires_at timestamptz
);

-- Keys that never leave this node.
CREATE TABLE server_keys (
    name text PRIMARY KEY,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL
);
