ALTER TABLE users_auth ADD COLUMN email_verified_at timestamptz;

ALTER TABLE sessions
    ADD COLUMN last_used_at timestamptz,  -- null: made before this column, see created_at
    ADD COLUMN user_agent text,
    ADD COLUMN address text;  -- the network only
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

-- One open token for each purpose; the token itself is only in the mail.
CREATE TABLE one_time_tokens (
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    token_hash bytea NOT NULL UNIQUE,  -- SHA-256
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
CREATE INDEX one_time_tokens_expiry ON one_time_tokens (expires_at);

-- Addresses for which somebody has asked, whether or not they have an account: looked at after the answer.
CREATE TABLE reset_requests (
    email text PRIMARY KEY,
    headers text NOT NULL,  -- the context of the request
    created_at timestamptz NOT NULL
);
CREATE INDEX reset_requests_age ON reset_requests (created_at);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    name text NOT NULL,
    prefix text NOT NULL,
    key_hash bytea NOT NULL UNIQUE,  -- SHA-256: a secret of 256 random bits needs no slow hash
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX api_keys_user ON api_keys (user_id, created_at DESC, id);

-- No reference to the account: its line outlives it, without address and user agent.
CREATE TABLE audit_log (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    event text NOT NULL,
    user_id uuid,
    by_user uuid,
    address text,
    user_agent text,
    detail text NOT NULL
);
CREATE INDEX audit_log_user ON audit_log (user_id, position DESC);
CREATE INDEX audit_log_event ON audit_log (event, position DESC);
CREATE INDEX audit_log_age ON audit_log (at);
