-- The statements of the users node.

-- name: insert_user
INSERT INTO users (id, auth_id, email, username, full_name, subscription_tier, quota_limit, quota_resets_at, created_at, updated_at)
VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT DO NOTHING
RETURNING id, email, username, full_name, avatar_url, subscription_tier, created_at, updated_at;

-- name: user
SELECT id, email, username, full_name, avatar_url, subscription_tier, created_at, updated_at FROM users WHERE id = $1;

-- name: update_user
UPDATE users SET
    username = CASE WHEN $2 THEN $3 ELSE username END,
    full_name = CASE WHEN $4 THEN $5 ELSE full_name END,
    avatar_url = CASE WHEN $6 THEN $7 ELSE avatar_url END,
    updated_at = $8
WHERE id = $1
RETURNING id, email, username, full_name, avatar_url, subscription_tier, created_at, updated_at;

-- name: preferences
SELECT coalesce(p.language, 'en') AS language, coalesce(p.email_notifications, true) AS email_notifications
FROM users u LEFT JOIN user_preferences p ON p.user_id = u.id
WHERE u.id = $1;

-- name: set_preferences
INSERT INTO user_preferences (user_id, language, email_notifications)
SELECT id, $2, $3 FROM users WHERE id = $1
ON CONFLICT (user_id) DO UPDATE SET language = excluded.language, email_notifications = excluded.email_notifications;

-- name: allowance
SELECT
    subscription_tier AS tier, quota_used AS used, quota_reserved AS reserved, quota_limit AS "limit",
    quota_resets_at AS resets_at
FROM users WHERE id = $1;

-- name: locked_allowance
-- Everything that changes a user's counters takes this lock first.
SELECT
    subscription_tier AS tier, quota_used AS used, quota_reserved AS reserved, quota_limit AS "limit",
    quota_resets_at AS resets_at
FROM users WHERE id = $1 FOR UPDATE;

-- name: set_allowance
UPDATE users SET quota_used = $2, quota_reserved = $3, quota_resets_at = $4 WHERE id = $1;

-- name: reservation
SELECT task_id, user_id, amount, state, period FROM quota_reservations WHERE task_id = $1;

-- name: put_reservation
-- A new one, or one that was given back and is held again.
INSERT INTO quota_reservations (task_id, user_id, amount, state, period, created_at)
VALUES ($1, $2, $3, 'reserved', $4, $5)
ON CONFLICT (task_id) DO UPDATE
SET state = 'reserved', period = excluded.period, created_at = excluded.created_at, settled_at = NULL, task_known = false
WHERE quota_reservations.user_id = excluded.user_id;

-- name: settle_reservation
UPDATE quota_reservations SET state = $2, settled_at = $3 WHERE task_id = $1;

-- name: unconfirmed_reservations
SELECT task_id, user_id FROM quota_reservations
WHERE state = 'reserved' AND NOT task_known AND created_at < $1
ORDER BY created_at LIMIT $2;

-- name: confirm_reservations
UPDATE quota_reservations SET task_known = true WHERE task_id = ANY($1::uuid[]);

-- name: active_users
SELECT DISTINCT user_id FROM quota_reservations WHERE (created_at >= $1 OR settled_at >= $1) AND user_id > $2 ORDER BY user_id LIMIT $3;

-- name: carried
-- What an earlier month counts, or still holds, although its cover may have been completed after `$3`.
SELECT coalesce(sum(amount), 0)::integer FROM quota_reservations
WHERE user_id = $1 AND period < $2
  AND (state = 'reserved' OR (state = 'committed' AND settled_at >= $3));

-- name: lock_identity
-- Creating a profile and deleting it exclude each other, also while there is no row to lock.
SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 7166182912002));

-- name: deleted
SELECT EXISTS (SELECT FROM deleted_users WHERE id = $1);

-- name: mark_deleted
INSERT INTO deleted_users (id, deleted_at) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at;

-- name: delete_user
-- Preferences and reservations go with it.
DELETE FROM users WHERE id = $1;

-- name: forget_deleted
DELETE FROM deleted_users WHERE deleted_at < $1;
