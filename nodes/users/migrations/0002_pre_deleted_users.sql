-- Users whose accounts were deleted within the last day: nothing that was under way brings their profiles back.
CREATE TABLE deleted_users (
    id uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);
