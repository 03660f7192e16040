"""The rows of the table that only administrators may use. The node looks at their role again."""

from contracts import operations, security, token_keys
from edge.route import Route

PAGE = ("limit", "cursor")

ADMIN: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/admin/dead-letters",
        contract=operations.LIST_DEAD,
        access="admin",
        query=("subject", "reason", *PAGE),
        tag="admin",
        summary="List dead letters, the oldest first",
    ),
    Route(
        method="GET",
        path="/v1/admin/dead-letters/{sequence}",
        contract=operations.SHOW_DEAD,
        access="admin",
        tag="admin",
        summary="Read a dead letter with its original",
    ),
    Route(
        method="DELETE",
        path="/v1/admin/dead-letters/{sequence}",
        contract=operations.DROP_DEAD,
        access="admin",
        status=204,
        tag="admin",
        summary="Throw a dead letter away for good",
    ),
    # No idempotency key: a sequence is sent again once, a repetition is 404.
    Route(
        method="POST",
        path="/v1/admin/dead-letters/{sequence}/replay",
        contract=operations.REPLAY_DEAD,
        access="admin",
        status=204,
        tag="admin",
        summary="Send the original of a dead letter again, and remove the letter",
    ),
    Route(
        method="GET",
        path="/v1/admin/tasks",
        contract=operations.INSPECT_ALL,
        access="admin",
        query=("status", "user_id", *PAGE),
        tag="admin",
        summary="List the tasks of all users",
    ),
    Route(
        method="GET",
        path="/v1/admin/tasks/{task_id}",
        contract=operations.INSPECT,
        access="admin",
        tag="admin",
        summary="Read any task with its whole log",
    ),
    Route(
        method="GET",
        path="/v1/admin/audit",
        contract=security.AUDIT,
        access="admin",
        query=("user_id", "event", *PAGE),
        tag="admin",
        summary="Read the log of security events, the newest first",
    ),
    Route(
        method="GET",
        path="/v1/admin/keys",
        contract=token_keys.LIST_TOKEN_KEYS,
        access="admin",
        tag="admin",
        summary="List the keys that sign tokens, and what each does now",
    ),
    # No idempotency key: nothing happens while a next key waits.
    Route(
        method="POST",
        path="/v1/admin/keys/rotate",
        contract=token_keys.ROTATE_KEYS,
        access="admin",
        origin=True,
        body="json",
        cost=10,
        tag="admin",
        summary="Make the next signing key, or replace all of them at once",
    ),
)
