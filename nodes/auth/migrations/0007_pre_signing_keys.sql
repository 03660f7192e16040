-- Keys with which partners sign requests: a public key, or a secret that is sealed, because HMAC needs it as it is.
CREATE TABLE partner_keys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users_auth (id) ON DELETE CASCADE,
    keyid text NOT NULL UNIQUE,
    name text NOT NULL,
    algorithm text NOT NULL CHECK (algorithm IN ('ed25519', 'ecdsa-p256-sha256', 'hmac-sha256')),
    public_key text,
    sealed_secret bytea,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    CHECK ((algorithm = 'hmac-sha256') = (sealed_secret IS NOT NULL)),
    CHECK ((algorithm = 'hmac-sha256') = (public_key IS NULL))
);
CREATE INDEX partner_keys_user ON partner_keys (user_id, created_at DESC, id);
