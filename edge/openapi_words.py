"""The words of the OpenAPI document: about itself, its tags and parameters, and what is shown of them."""

from typing import Any

from adapters import webhooks

ABOUT = """Covers with AI art and real typography.

Errors are RFC 9457 problems with a stable `code`; `errors` names the fields of bad input. Every answer has
`X-Request-ID`; a request line or header above 8 KiB is 431. Lists take `limit` and `cursor` and give `items` and
`next_cursor`. What takes longer than a request is answered 202 with the address of its task. `Idempotency-Key` makes a
repeated POST give the first answer. `RateLimit` says what is left; beyond it comes 429 with `Retry-After`."""
TAGS = {
    "auth": "Signing up and in, proving an address, forgotten passwords",
    "sessions": "Where the caller is signed in",
    "session": "The studio's sign-in in a browser: tokens in cookies",
    "api-keys": "Keys for the caller's programs",
    "oauth": "Partners' clients, and the authorization server that lets them in",
    "signing-keys": "Public keys of partners who sign their requests",
    "me": "The caller's profile, preferences, quota and data",
    "templates": "The styles that covers are made in",
    "covers": "Covers and their pictures",
    "shares": "Links that show a cover to everybody who has them",
    "uploads": "Pictures that users bring: to be edited, as masks of edits, as logos",
    "edits": "Edit sessions on finished covers",
    "exports": "Files of finished covers",
    "provenance": "Where a picture came from: Content Credentials and AI labels, read and checked",
    "tasks": "Work under way, to watch and to cancel",
    "notifications": "The inbox",
    "webhooks": "What providers of images tell us by themselves",
    "graphql": "The same product for partners as one graph",
    "admin": "For operators",
    "other": "Health, metrics and documents",
}

PARAMETERS = {
    "limit": "Items of a page at most",
    "cursor": "The `next_cursor` of the page before",
    "q": "Words that must all occur",
    "status": "Only those with this status",
    "unread": "Only entries that are, or are not, unread",
    "category": "Only those of this category, by its slug",
    "premium": "Only those that are, or are not, for paying plans",
    "cover_id": "The id of a cover",
    "size": "The picture, or a small one",
    "version": "Which version; none: the current one",
    "subject": "Subjects, e.g. `jobs.covers.>`",
    "reason": "The code of the error, or `max_deliveries`",
    "user_id": "Only those of this user",
}
"""What parameters mean, by name, where their names do not say it."""

SHOWN: dict[str, Any] = {
    "Idempotency-Key": "8f1c7a52-order-17",
    "download": "1",
    "If-None-Match": '"9f86d081884c7d659a2feaa0c55ad015"',
    "Last-Event-ID": 3,
    webhooks.ID: "msg_2b7f",
    webhooks.TIME: 1767605400,
    webhooks.SIGNATURE: "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}
SHOWN_REPLIES = {
    "events": 'id: 4\nevent: progress\ndata: {"seq":4,"status":"running","step":"compose","progress":0.5}\n\n',
    "metrics": "covergen_http_streams 0.0\n",
}
