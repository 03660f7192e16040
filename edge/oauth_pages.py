"""The two pages of the authorization server, in the studio's look and without any script."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from contracts.oauth import CLIENT_SCOPES, Authorization
from edge.exchange import Answer
from edge.templates import HTML, Templates

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
QUIET = ("openid",)
"""Scopes that say nothing to people beside the others: an account is always told."""


class Pages:
    """Answers with them."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def question(self, asked: Authorization, fields: Mapping[str, str]) -> Answer:
        """May this client have these scopes? `fields` come back with the answer.

        A browser follows the answer's redirect only where the policy lets forms lead: to us, and to the client.
        """
        words = [CLIENT_SCOPES[scope] for scope in asked.scopes if scope not in QUIET]
        target = urlsplit(asked.redirect_uri)
        body = self._templates.render(
            "consent.html",
            client=asked.client,
            account=asked.account,
            words=words or [CLIENT_SCOPES[scope] for scope in asked.scopes],
            target=target.netloc,
            fields=dict(fields),
        )
        # A policy has no words for [::1]; no other host of a redirect URI has a bracket.
        source = f"{target.scheme}:" if "[" in target.netloc else f"{target.scheme}://{target.netloc}"
        return _page(200, body, f"{POLICY} {source}")

    def refusal(self, reason: str) -> Answer:
        """Nobody is sent anywhere; 400."""
        return _page(400, self._templates.render("refusal.html", reason=reason), POLICY)


def _page(status: int, body: bytes, policy: str) -> Answer:
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",  # else browsers hide from us that the form was ours
        "Cache-Control": "no-store",
    }
    return Answer(status, body, HTML, headers)
