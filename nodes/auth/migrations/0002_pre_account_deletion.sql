-- A deleted account keeps its row for a day, without anything of its owner; `announced_at`: when it was last told of.
ALTER TABLE users_auth
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN announced_at timestamptz,
    DROP CONSTRAINT users_auth_status_check,
    ADD CONSTRAINT users_auth_status_check CHECK (status IN ('pending', 'active', 'deleted'));
CREATE INDEX users_auth_deleted ON users_auth (announced_at) WHERE status = 'deleted';

CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    subject text NOT NULL,
    headers text NOT NULL,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
