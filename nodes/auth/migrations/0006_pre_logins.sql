-- Users as other providers name them. An account may have several; one of them belongs to one account.
CREATE TABLE identities (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    provider text NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    email text,  -- as the provider said it last
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    CONSTRAINT identities_subject UNIQUE (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id, created_at);

-- Sign-ins that were begun at a provider. Nonce and PKCE verifier are derived from the state, which is not kept.
CREATE TABLE login_attempts (
    state_hash bytea PRIMARY KEY,  -- SHA-256
    browser_hash bytea NOT NULL,  -- SHA-256 of what only the browser that began has
    provider text NOT NULL,
    place text NOT NULL,  -- where the browser goes afterwards
    user_id uuid REFERENCES users_auth (id) ON DELETE CASCADE,  -- who wants one more way to sign in; null: somebody signs in
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX login_attempts_expiry ON login_attempts (expires_at);
