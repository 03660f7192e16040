"""A running stack with one of everything in it, and everybody who could ask for it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from adapters.nats.connection import Profile, connected
from contracts.users import RELEASE_QUOTA
from edge.cookies import HEADER as CSRF
from tests.support.api import Api, Running
from tests.support.mailbox import the_mail, token_in
from tests.support.matrix import Caller
from tests.support.oidc_server import Provider

LIMIT = aiohttp.ClientTimeout(total=30)
PASSWORD = "correct horse battery"
BACK = "http://127.0.0.1:9/back"
"""Nobody listens there: nobody follows."""


@dataclass(slots=True)
class World:
    """The stack, who there is, and the ids of the owner's things."""

    stack: Running
    owner: Api
    admin: Api
    partner: Api
    provider: Provider
    callers: tuple[Caller, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)
    proofs: list[str] = field(default_factory=list)
    """Tokens of mails that prove an address."""
    resets: list[str] = field(default_factory=list)
    """Tokens of mails that choose a password."""

    async def made(self, method: str, path: str, body: Any = None, *, by: Api | None = None) -> Any:
        """What an answer says, which must be one of success."""
        answer = await (by or self.owner).call(method, path, body)
        assert answer.status < 300, (method, path, answer.status, answer.body)
        return answer.body

    async def ended(self, accepted: dict[str, Any]) -> dict[str, Any]:
        """The same, when its task has succeeded."""
        assert (await self.owner.ended(accepted["task_id"]))["status"] == "succeeded"
        return accepted

    async def stranger(self) -> tuple[Api, dict[str, Any]]:
        """Somebody new, with what the registration said."""
        api = Api(self.owner.session, self.owner.base)
        body = {"email": f"{uuid.uuid4().hex[:12]}@example.org", "password": PASSWORD}
        answer = await self.made("POST", "/v1/auth/register", body, by=api)
        api.token = answer["access_token"]
        return api, answer

    async def new_partner(self) -> tuple[Api, dict[str, Any]]:
        """Somebody new whom the administrator has made a partner."""
        api, signed = await self.stranger()
        await self.made("PUT", f"/v1/admin/users/{signed['user']['id']}/roles", {"roles": ["partner"]}, by=self.admin)
        body = {"email": signed["user"]["email"], "password": PASSWORD}
        api.token = (await self.made("POST", "/v1/auth/login", body))["access_token"]
        return api, signed

    async def login(self) -> dict[str, Any]:
        """One more session of the owner."""
        body = {"email": self.ids["email"], "password": PASSWORD}
        session: dict[str, Any] = await self.made("POST", "/v1/auth/login", body)
        return session

    async def browser(self, email: str) -> dict[str, str]:
        """The headers of a browser in which that user has just signed in, and of the studio's page in it."""
        answer = self.owner.session.post(f"{self.owner.base}/session", json={"email": email, "password": PASSWORD})
        async with answer as signed:
            cookies = "; ".join(f"{name}={each.value}" for name, each in signed.cookies.items())
            return {"Cookie": cookies, CSRF: (await signed.json())["csrf_token"]}

    async def twin(self, caller: Caller) -> Caller:
        """Somebody who may end in place of a caller: somebody new, or the same administrator signed in once more."""
        if "admin" in caller.roles:
            return replace(caller, headers=bearer(await _admin(self.stack, self.owner.session)))
        api, signed = await (self.new_partner() if "partner" in caller.roles else self.stranger())
        headers = await self.browser(signed["user"]["email"]) if caller.cookie else bearer(api)
        return replace(caller, headers=headers)

    async def dead_letter(self) -> int:
        """The number of a new dead letter: of a job that nobody can read."""
        seed = self.stack.home / "creds" / "covers.nk"
        profile = Profile(servers=(self.stack.run["nats"],), name="covers", seed=seed)
        seen = {each["sequence"] for each in await self._dead()}
        async with connected(profile) as connection:
            await connection.client.jetstream().publish(RELEASE_QUOTA.subject, b"{")
        async with asyncio.timeout(10):
            while not (new := [each["sequence"] for each in await self._dead() if each["sequence"] not in seen]):
                await asyncio.sleep(0.05)
        return int(new[-1])

    async def _dead(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.made("GET", "/v1/admin/dead-letters", by=self.admin))["items"]
        return found


@contextlib.asynccontextmanager
async def furnished(
    stack: Running, provider: Provider, columns: Callable[[World, dict[str, Any]], Awaitable[tuple[Caller, ...]]]
) -> AsyncIterator[World]:
    """A world in which the owner has a cover, a task, an edit session, an export and an entry in the inbox.

    `columns` makes its callers; `provider` is where people of that stack may sign in besides the password.
    """
    async with aiohttp.ClientSession(timeout=LIMIT, cookie_jar=aiohttp.DummyCookieJar()) as session:
        owner, admin = Api(session, stack.base), await _admin(stack, session)
        world = World(stack, owner, admin, Api(session, stack.base), provider)
        user = await _signed_up(world)
        world.partner, signed = await world.new_partner()
        world.ids |= {"partner": signed["user"]["id"], "partner_email": signed["user"]["email"]}
        world.callers = await columns(world, user)
        await asyncio.gather(_things(world), _tokens(world))
        yield world


async def _admin(stack: Running, session: aiohttp.ClientSession) -> Api:
    api = Api(session, stack.base)
    password = (stack.home / "admin-password").read_text().strip()
    body = {"email": "admin@covergen.local", "password": password}
    answer = await api.call("POST", "/v1/auth/login", body)
    assert answer.status == 200, "what is ready has its administrator"
    api.token = answer.body["access_token"]
    return api


async def _signed_up(world: World) -> dict[str, Any]:
    api, answer = await world.stranger()
    world.owner.token = api.token
    world.ids["email"] = answer["user"]["email"]
    user: dict[str, Any] = answer["user"]
    return user


def bearer(api: Api) -> dict[str, str]:
    """The header of who is signed in."""
    return {"Authorization": f"Bearer {api.token}"}


async def _things(world: World) -> None:
    order = {"title": "The Salt Road", "format": "thumbnail", "seed": 3}
    cover = await world.ended(await world.made("POST", "/v1/covers", order))
    world.ids |= {"cover_id": cover["cover_id"], "task_id": cover["task_id"]}
    edit, export, styles = await asyncio.gather(
        world.made("POST", "/v1/edits", {"cover_id": world.ids["cover_id"]}),
        world.made("POST", "/v1/exports", {"cover_id": world.ids["cover_id"], "presets": ["png"]}),
        world.made("GET", "/v1/templates?premium=false&limit=1"),
    )
    world.ids |= {"edit_id": edit["edit_id"], "export_id": export["export_id"], "style": styles["items"][0]["id"]}
    operate = world.made("POST", f"/v1/edits/{edit['edit_id']}/operations", {"op": "adjust", "warmth": 0.5})
    await asyncio.gather(world.ended(await operate), world.ended(export))
    shown = await world.made("GET", f"/v1/exports/{export['export_id']}")
    world.ids["file"] = shown["files"][0]["name"]
    world.ids["note"] = (await world.made("GET", "/v1/notifications"))["items"][0]["id"]


async def _tokens(world: World) -> None:
    """Sign people up and read their mail: one for each caller of a public route that takes a mailed token."""
    mails, anybody = world.stack.home / "mail", Api(world.owner.session, world.owner.base)
    emails = [(await world.stranger())[1]["user"]["email"] for _ in world.callers]
    for email in emails:
        await world.made("POST", "/v1/auth/password/forgot", {"email": email}, by=anybody)
    for email in emails:
        world.proofs.append(token_in(await the_mail(mails, email, "Confirm your e-mail address", 30)))
        world.resets.append(token_in(await the_mail(mails, email, "Choose a new password", 30)))
