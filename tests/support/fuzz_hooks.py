"""How generated requests sign in, and what is taken out of them. Schemathesis loads this file by itself.

Its environment says where the stack is: FUZZ_BASE, and who asks: FUZZ_EMAIL, FUZZ_PASSWORD (of a user or of the
administrator).
"""

import json
import os
import urllib.request
import uuid
from typing import Any

import schemathesis

from contracts import auth, logins, security
from edge.routes import ROUTES

ENDINGS = frozenset({auth.LOGOUT, auth.DELETE_ACCOUNT, security.REVOKE_SESSION, security.REVOKE_OTHERS})
PASSWORD = "correct horse battery"
LAST = {route.path: route.method for route in ROUTES if route.contract in (*ENDINGS, logins.CHANGE_PASSWORD)}
"""Routes whose success ends the caller's session: each request there is of somebody new."""


def ask(path: str, body: dict[str, str]) -> str:
    """An access token."""
    sent = urllib.request.Request(  # noqa: S310 -- the stack that the test has started
        os.environ["FUZZ_BASE"] + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=30) as answer:  # noqa: S310 -- the same
        return str(json.load(answer)["access_token"])


@schemathesis.auth(refresh_interval=600)
class Caller:
    """Who asks for everything that ends nobody's session."""

    def get(self, _case: Any, _context: Any) -> str:
        """A token of who the environment says."""
        given = {"email": os.environ["FUZZ_EMAIL"], "password": os.environ["FUZZ_PASSWORD"]}
        return ask("/v1/auth/login", given)

    def set(self, case: Any, data: str, _context: Any) -> None:
        """Put it into a request."""
        if LAST.get(case.path) == case.method:
            email = f"{uuid.uuid4().hex}@example.org"
            data = ask("/v1/auth/register", {"email": email, "password": PASSWORD})
        if "Idempotency-Key" in case.headers and case.meta.generation.mode.is_positive:
            case.headers["Idempotency-Key"] = uuid.uuid4().hex  # a value that came before is another request's
        case.headers["Authorization"] = f"Bearer {data}"
