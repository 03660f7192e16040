"""A running stack with one of everything in it, and everybody who could ask for it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from adapters.nats.connection import Profile, connected
from contracts.security import SCOPES
from contracts.users import RELEASE_QUOTA
from edge.cookies import HEADER as CSRF
from tests.support.api import Api, Running
from tests.support.mailbox import the_mail, token_in
from tests.support.matrix import ROLES, Caller

LIMIT = aiohttp.ClientTimeout(total=30)
PASSWORD = "correct horse battery"
SPARE = 20
"""Accounts whose mailed tokens are used up: one for each caller of a public route that takes one."""


@dataclass(slots=True)
class World:
    """The stack, who there is, and the ids of the owner's things."""

    stack: Running
    owner: Api
    admin: Api
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
        api, signed = await self.stranger()
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
async def furnished(stack: Running) -> AsyncIterator[World]:
    """A world in which the owner has a cover, a task, an edit session, an export and an entry in the inbox."""
    async with aiohttp.ClientSession(timeout=LIMIT, cookie_jar=aiohttp.DummyCookieJar()) as session:
        world = World(stack, Api(session, stack.base), await _admin(stack, session))
        user = await _signed_up(world)
        world.callers = await _callers(world, user)
        await asyncio.gather(_things(world), _tokens(world))
        yield world


async def _admin(stack: Running, session: aiohttp.ClientSession) -> Api:
    api = Api(session, stack.base)
    password = (stack.home / "admin-password").read_text().strip()
    body = {"email": "admin@covergen.local", "password": password}
    async with asyncio.timeout(10):  # the account is made within a second of the start
        while (answer := await api.call("POST", "/v1/auth/login", body)).status != 200:
            await asyncio.sleep(0.1)
    api.token = answer.body["access_token"]
    return api


async def _signed_up(world: World) -> dict[str, Any]:
    api, answer = await world.stranger()
    world.owner.token = api.token
    world.ids["email"] = answer["user"]["email"]
    user: dict[str, Any] = answer["user"]
    return user


async def _callers(world: World, user: dict[str, Any]) -> tuple[Caller, ...]:
    other, signed = await world.stranger()
    page = await world.browser(user["email"])
    forged = {"Cookie": page["Cookie"]}
    found = [
        Caller(column="nobody"),
        Caller(column="bad token", headers={"Authorization": "Bearer no.such.token"}),
        Caller(column="bad key", headers={"X-API-Key": "cg_no-such-key"}),
        Caller(column="owner", headers=bearer(world.owner), user_id=user["id"]),
        Caller(column="other", headers=bearer(other), user_id=signed["user"]["id"]),
    ]
    found += [
        Caller(column="cookie", headers=page, user_id=user["id"], cookie=True),
        Caller(column="forged", headers=forged, user_id=user["id"], cookie=True, forged=True),
    ]
    for scope in SCOPES:
        key = await world.made("POST", "/v1/api-keys", {"name": scope, "scopes": [scope]})
        headers = {"X-API-Key": key["key"]}
        found.append(Caller(column=f"key {scope}", headers=headers, user_id=user["id"], scope=scope))
    return (*found, *[await _with_role(world, role) for role in ROLES])


async def _with_role(world: World, role: str) -> Caller:
    """Somebody with that role. A new one needs a line here: nobody else knows how it is given."""
    if role == "partner":
        _, signed = await world.stranger()
        user = signed["user"]
        await world.made("PUT", f"/v1/admin/users/{user['id']}/roles", {"roles": [role]}, by=world.admin)
        page = await world.browser(user["email"])
        return Caller(column=role, headers=page, user_id=user["id"], roles=frozenset({role}), cookie=True)
    assert role == "admin", f"how does somebody become a {role}?"
    me = await world.made("GET", "/v1/me", by=world.admin)
    return Caller(column=role, headers=bearer(world.admin), user_id=me["id"], roles=frozenset({role}))


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
    """Sign spare people up and read their mail."""
    mails, anybody = world.stack.home / "mail", Api(world.owner.session, world.owner.base)
    emails = [(await world.stranger())[1]["user"]["email"] for _ in range(SPARE)]
    for email in emails:
        await world.made("POST", "/v1/auth/password/forgot", {"email": email}, by=anybody)
    for email in emails:
        world.proofs.append(token_in(await the_mail(mails, email, "Confirm your e-mail address", 30)))
        world.resets.append(token_in(await the_mail(mails, email, "Choose a new password", 30)))
