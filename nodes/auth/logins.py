"""Sign-ins at other providers, from the beginning to a session.

A sign-in is one row for ten minutes, found by the hash of its state. Only the browser that began it can finish it,
once. Nonce and PKCE verifier are derived from the state with a key of this node, so that neither is kept anywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.crypto import derived_token, new_opaque_token, token_hash
from adapters.identity import Flow, IdentityProvider
from adapters.postgres import Pool, Queries, Row
from adapters.resilience import states
from contracts.errors import NotFound, ServiceError, Unauthenticated, Unavailable
from contracts.logins import (
    FinishedLogin,
    FinishLogin,
    ListProviders,
    ProviderInfo,
    ProviderList,
    StartedLogin,
    StartLogin,
)
from contracts.wire import Context
from nodes.auth.audit import AuditLog
from nodes.auth.identities import Identities
from nodes.auth.sessions import Sessions

LIFE = timedelta(minutes=10)
"""From the beginning until it is too late to finish."""
HOME = "/"
PASSING = ("server_error", "temporarily_unavailable")
"""Errors of a provider that trying again may cure (RFC 6749, 4.1.2.1)."""


class Logins:
    """Handlers of `LIST_PROVIDERS`, `START_LOGIN` and `FINISH_LOGIN`; chore `sweep`."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        providers: Sequence[IdentityProvider],
        identities: Identities,
        sessions: Sessions,
        audit: AuditLog,
        key: bytes,
        public_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        """`key` is for nothing else."""
        self._pool = pool
        self._sql = sql
        self._providers = {provider.name: provider for provider in providers}
        self._identities = identities
        self._sessions = sessions
        self._audit = audit
        self._key = key
        self._public_url = public_url
        self._clock = clock

    async def providers(self, message: ListProviders, context: Context) -> ProviderList:
        """Where one can sign in."""
        listed = (ProviderInfo(name=each.name, title=each.title) for each in self._providers.values())
        return ProviderList(items=tuple(listed))

    async def start(self, message: StartLogin, context: Context) -> StartedLogin:
        """Where the browser goes. Raises NotFound, Unavailable when the provider is away."""
        provider, state, now = self._provider(message.provider), new_opaque_token(), self._clock()
        url = await provider.authorization_url(self._flow(state, provider), context)
        hashes = (token_hash(state), token_hash(message.browser))
        place = (provider.name, own_path(message.next), context.user_id)
        await self._pool.run(self._sql["insert_attempt"], *hashes, *place, now, now + LIFE)
        return StartedLogin(url=url)

    async def finish(self, message: FinishLogin, context: Context) -> FinishedLogin:
        """A session, or for who had one: one more way to sign in. Raises what `FinishLogin` says."""
        provider = self._provider(message.provider)
        attempt = await self._taken(message, provider)
        try:
            return await self._finished(message, provider, attempt, context)
        except Unauthenticated:
            await self._audit.note("login_failed", attempt["user_id"], context, detail=provider.name)
            raise

    async def sweep(self) -> None:
        """Delete sign-ins that nobody can finish any more."""
        await self._pool.run(self._sql["sweep_attempts"], self._clock())

    def breakers(self) -> Mapping[str, Mapping[str, Any]]:
        """The statistics of the providers' breakers by target."""
        return states(provider.breaker for provider in self._providers.values())

    async def close(self) -> None:
        """Give back the connections to providers."""
        for provider in self._providers.values():
            await provider.close()

    async def _finished(
        self, message: FinishLogin, provider: IdentityProvider, attempt: Row, context: Context
    ) -> FinishedLogin:
        if message.code is None or message.error is not None:
            raise _not_done(message.error, provider.title)
        flow = self._flow(message.state, provider)
        identity = await provider.identify(message.code, flow, iss=message.iss, context=context)
        if attempt["user_id"] is not None:
            await self._identities.link(attempt["user_id"], identity, provider, context)
            return FinishedLogin(session=None, next=attempt["place"])
        account, user, event = await self._identities.account_of(identity, provider, context)
        session = await self._sessions.begin(account, user, event, context)
        return FinishedLogin(session=session, next=attempt["place"])

    async def _taken(self, message: FinishLogin, provider: IdentityProvider) -> Row:
        """The sign-in that this browser began, used up by this."""
        hashes = (token_hash(message.state), token_hash(message.browser))
        attempt = await self._pool.one(self._sql["take_attempt"], *hashes, provider.name, self._clock())
        if attempt is None:
            raise Unauthenticated("This sign-in was not begun in this browser, is over, or took too long. Begin again.")
        return attempt

    def _provider(self, name: str) -> IdentityProvider:
        provider = self._providers.get(name)
        if provider is None:
            raise NotFound("One cannot sign in there.")
        return provider

    def _flow(self, state: str, provider: IdentityProvider) -> Flow:
        return Flow(
            state=state,
            nonce=derived_token(self._key, "nonce", provider.name, state),
            verifier=derived_token(self._key, "verifier", provider.name, state),
            redirect_uri=f"{self._public_url}/v1/auth/oauth/{provider.name}/callback",
        )


def own_path(place: str | None) -> str:
    """A path of ours to go to; the front page for everything that might lead elsewhere."""
    good = place is not None and place.startswith("/") and place[1:2] not in ("/", "\\")
    plain = place is not None and place.isascii() and place.isprintable() and "\\" not in place and " " not in place
    return place if place is not None and good and plain else HOME


def _not_done(error: str | None, title: str) -> ServiceError:
    if error in PASSING:
        return Unavailable(f"{title} cannot sign anybody in at the moment. Please try again in a while.", retry_after=5)
    what = "was cancelled" if error == "access_denied" else "did not succeed"
    return Unauthenticated(f"The sign-in at {title} {what}.")
