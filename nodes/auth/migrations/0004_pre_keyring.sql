-- Signing keys of two algorithms, each with a life; their private parts and the server's own keys are sealed. Rows that
-- are not yet are sealed when the node starts.
ALTER TABLE signing_keys
    ADD COLUMN alg text NOT NULL DEFAULT 'EdDSA' CHECK (alg IN ('EdDSA', 'RS256')),
    ADD COLUMN sealed boolean NOT NULL DEFAULT false;
ALTER TABLE server_keys ADD COLUMN sealed boolean NOT NULL DEFAULT false;

-- Of several instances that rotate at once, one makes the key.
CREATE UNIQUE INDEX signing_keys_newest ON signing_keys (alg) WHERE retires_at IS NULL;
