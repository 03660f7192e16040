"""The routes of a user's own sessions and API keys. None has a scope: a key can neither make keys nor end sessions.

A new key takes no Idempotency-Key, because its secret would be kept for a day.
"""

from contracts import security, signatures
from edge.route import Route

PAGE = ("limit", "cursor")
OWN = {"session_id": "sid"}

SECURITY: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/me/sessions",
        contract=security.LIST_SESSIONS,
        query=PAGE,
        session=OWN,
        tag="sessions",
        summary="List where the caller is signed in",
    ),
    Route(
        method="DELETE",
        path="/v1/me/sessions",
        contract=security.REVOKE_OTHERS,
        origin=True,
        status=204,
        session=OWN,
        tag="sessions",
        summary="End all sessions but this one",
    ),
    Route(
        method="DELETE",
        path="/v1/me/sessions/{id}",
        contract=security.REVOKE_SESSION,
        origin=True,
        status=204,
        tag="sessions",
        summary="End one of the own sessions",
    ),
    Route(
        method="GET",
        path="/v1/api-keys",
        contract=security.LIST_KEYS,
        query=PAGE,
        tag="api-keys",
        summary="List the own API keys, without their secrets",
    ),
    Route(
        method="POST",
        path="/v1/api-keys",
        contract=security.CREATE_KEY,
        origin=True,
        status=201,
        body="json",
        location="/v1/api-keys",
        cost=10,
        tag="api-keys",
        summary="Make an API key; its secret is shown this once",
    ),
    Route(
        method="DELETE",
        path="/v1/api-keys/{id}",
        contract=security.REVOKE_KEY,
        origin=True,
        status=204,
        tag="api-keys",
        summary="End an API key; it stops working within ten seconds",
    ),
    Route(
        method="GET",
        path="/v1/signing-keys",
        contract=signatures.LIST,
        tag="signing-keys",
        summary="List the own keys for signed requests",
    ),
    Route(
        method="POST",
        path="/v1/signing-keys",
        contract=signatures.CREATE,
        origin=True,
        status=201,
        body="json",
        location="/v1/signing-keys",
        cost=10,
        tag="signing-keys",
        summary="Keep a public key for signed requests, or make a secret, which is shown this once",
    ),
    Route(
        method="DELETE",
        path="/v1/signing-keys/{id}",
        contract=signatures.REMOVE,
        origin=True,
        status=204,
        tag="signing-keys",
        summary="End a key for signed requests; it stops working within ten seconds",
    ),
)
