"""GitHub: OAuth 2.0 without OpenID Connect. Who somebody is, its API tells: `/user` and `/user/emails`."""

from collections.abc import Mapping
from typing import Any

from adapters.identity import Flow, Identity
from adapters.identity.client import ProviderClient
from adapters.identity.oidc import LONGEST_EMAIL, LONGEST_NAME, text
from adapters.identity.registered import GITHUB, Client
from adapters.resilience import Breaker
from contracts.errors import Unauthenticated
from contracts.wire import Context

SCOPE = "read:user user:email"
API = "https://api.github.com"


class GitHubProvider:
    """GitHub, or in tests something like it at `site` and `api`."""

    def __init__(self, client: Client, *, site: str = GITHUB, api: str = API) -> None:
        self.name, self.title, self.issuer = "github", "GitHub", GITHUB
        self._site = site
        self._api = api
        self._client = ProviderClient(self.name, self.title, client)

    @property
    def breaker(self) -> Breaker:
        """Its state and counts."""
        return self._client.breaker

    async def authorization_url(self, flow: Flow, context: Context | None = None) -> str:
        """Where the browser goes."""
        values = {"state": flow.state, "redirect_uri": flow.redirect_uri}
        return self._client.authorization_url(f"{self._site}/login/oauth/authorize", SCOPE, flow.verifier, values)

    async def identify(
        self, code: str, flow: Flow, *, iss: str | None = None, context: Context | None = None
    ) -> Identity:
        """Who came back with `code`: the account's number, and its primary address. Raises as the protocol says."""
        if iss not in (None, self.issuer, f"{self.issuer}/login/oauth"):
            raise self._client.refused()
        endpoint = f"{self._site}/login/oauth/access_token"
        tokens = await self._client.exchange(
            endpoint, code, flow.verifier, flow.redirect_uri, method="client_secret_post", context=context
        )
        bearer = tokens.get("access_token")
        if not isinstance(bearer, str):
            raise self._client.away()
        user = await self._client.read(f"{self._api}/user", bearer=bearer, context=context)
        emails = await self._client.read(f"{self._api}/user/emails", bearer=bearer, context=context)
        return self._identity(user, emails)

    async def close(self) -> None:
        """Give back its connections."""
        await self._client.close()

    def _identity(self, user: object, emails: object) -> Identity:
        number = user.get("id") if isinstance(user, dict) else None
        if not isinstance(user, dict) or not isinstance(number, int) or isinstance(number, bool) or number <= 0:
            raise Unauthenticated("GitHub does not say who this is.")
        primary = _primary(emails)
        return Identity(
            issuer=self.issuer,
            subject=str(number),
            email=text(primary.get("email"), LONGEST_EMAIL),
            email_verified=primary.get("verified") is True,
            name=text(user.get("name"), LONGEST_NAME),
        )


def _primary(emails: object) -> Mapping[str, Any]:
    """The primary address; the profile's public one does not count, because nobody has verified that."""
    listed = emails if isinstance(emails, list) else []
    return next((each for each in listed if isinstance(each, dict) and each.get("primary") is True), {})
