-- A profile has the id of its account in the auth node (auth_id: the same value, kept as the reference that it is).
CREATE TABLE users (
    id uuid PRIMARY KEY,
    auth_id uuid NOT NULL UNIQUE,
    email text NOT NULL,
    username text NOT NULL,
    full_name text,
    avatar_url text,
    subscription_tier text NOT NULL,
    -- The covers of one calendar month (UTC), which ends at quota_resets_at. Both are 0 again after it.
    quota_used integer NOT NULL DEFAULT 0 CHECK (quota_used >= 0),
    quota_reserved integer NOT NULL DEFAULT 0 CHECK (quota_reserved >= 0),
    quota_limit integer NOT NULL CHECK (quota_limit >= 0),
    quota_resets_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX users_username ON users (lower(username));

CREATE TABLE user_preferences (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    language text NOT NULL,
    email_notifications boolean NOT NULL
);

CREATE TABLE quota_reservations (
    task_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    amount integer NOT NULL CHECK (amount > 0),
    state text NOT NULL CHECK (state IN ('reserved', 'committed', 'released')),
    period timestamptz NOT NULL,  -- the start of the month whose quota it is
    task_known boolean NOT NULL DEFAULT false,  -- the tasks node has been asked and knows the task
    created_at timestamptz NOT NULL,
    settled_at timestamptz
);
CREATE INDEX quota_reservations_orphans ON quota_reservations (created_at) WHERE state = 'reserved' AND NOT task_known;
CREATE INDEX quota_reservations_created ON quota_reservations (created_at);
CREATE INDEX quota_reservations_settled ON quota_reservations (settled_at);
CREATE INDEX quota_reservations_user ON quota_reservations (user_id);

CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    subject text NOT NULL,
    headers text NOT NULL,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
