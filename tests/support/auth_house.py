"""An auth node on a real database and a real bus, with a small users node that can fail."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from adapters.crypto import Box
from adapters.identity import IdentityProvider
from adapters.migrations import migrate
from adapters.nats.bus import Bus
from adapters.passwords import Passwords
from adapters.postgres import Pool, open_pool
from contracts import auth, notifications, security, users
from contracts.auth import Login, Logout, Refresh, Register, Session, VerifyToken
from contracts.errors import Conflict, FieldError, Forbidden, NotFound, ServiceError, Unavailable
from contracts.notifications import MAILS, SendMail, sealed_in
from contracts.users import CreateUser, GetUser, User
from contracts.wire import Context
from nodes.auth.service import Auth
from nodes.auth.store import MIGRATIONS
from nodes.bindings import serve, work
from tests.support.buses import SmallService, a_bus, a_node

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA = Register(email="Ada@Example.org", password="correct horse", username="ada")
ROOT = bytes(range(32))
"""The root secret."""
ADMIN = ("Admin@Covergen.local", "administrator")


@dataclass
class Profiles:
    """A users node in memory. `failures` are raised by the next creations, before or (True) after they took effect."""

    made: dict[uuid.UUID, User] = field(default_factory=dict)
    failures: list[tuple[ServiceError, bool]] = field(default_factory=list)
    away: bool = False

    async def create(self, message: CreateUser, context: Context) -> User:
        failure, late = self.failures.pop(0) if self.failures else (None, False)
        if failure is not None and not late:
            raise failure
        user = self.made.get(message.user_id) or self._new(message)
        self.made[user.id] = user
        if failure is not None:
            raise failure
        return user

    async def get(self, message: GetUser, context: Context) -> User:
        if self.away:
            raise Unavailable
        if context.user_id not in (None, message.user_id):
            raise Forbidden
        if message.user_id not in self.made:
            raise NotFound
        return self.made[message.user_id]

    def _new(self, message: CreateUser) -> User:
        name = message.username or message.email.partition("@")[0]
        if message.username and name in {user.username for user in self.made.values()}:
            raise Conflict("taken", errors=(FieldError(field="username", detail="is taken"),))
        return User(
            id=message.user_id,
            email=message.email,
            username=name,
            full_name=message.full_name,
            avatar_url=None,
            subscription_tier="free",
            created_at=START,
            updated_at=START,
        )


@dataclass
class House:
    """An auth node, its database, its clock and the profiles beside it."""

    url: str
    dsn: str
    bus: Bus
    pool: Pool
    service: Auth
    profiles: Profiles
    time: list[datetime]
    ended: list[uuid.UUID] = field(default_factory=list)
    """Sessions of which the edges were told that they ended."""
    mails: list[SendMail] = field(default_factory=list)
    """Mails that were ordered."""

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.time[0] += timedelta(**span)

    async def register(self, message: Register = ADA, context: Context | None = None) -> Session:
        """Through the bus."""
        return await self.bus.request(auth.REGISTER, message, context or Context.new())

    async def login(
        self, email: str = ADA.email, password: str = ADA.password, context: Context | None = None
    ) -> Session:
        """Through the bus."""
        return await self.bus.request(auth.LOGIN, Login(email=email, password=password), context or Context.new())

    async def refresh(self, token: str) -> Session:
        """Through the bus."""
        return await self.bus.request(auth.REFRESH, Refresh(refresh_token=token), Context.new())

    async def logout(self, message: Logout, context: Context | None = None) -> None:
        """Through the bus."""
        await self.bus.request(auth.LOGOUT, message, context or Context.new())

    async def verify(self, token: str) -> auth.Claims:
        """Through the bus."""
        return await self.bus.request(auth.VERIFY, VerifyToken(token=token), Context.new())

    async def take_mail(self, mail: SendMail, context: Context) -> None:
        """The handler of the queue of mails, which opens what is sealed."""
        secret = Box(ROOT, MAILS).open(mail.sealed, sealed_in(mail.effect_key)) if mail.sealed else b"{}"
        opened = msgspec.json.decode(secret, type=dict[str, str])
        assert not opened.keys() & mail.values.keys()
        self.mails.append(msgspec.structs.replace(mail, values={**mail.values, **opened}))

    async def mail(self, kind: str, count: int = 1) -> SendMail:
        """The last of so many mails of a kind, as soon as they were ordered."""
        async with asyncio.timeout(10):
            while len(found := [mail for mail in self.mails if mail.kind == kind]) < count:
                await asyncio.sleep(0.01)
        return found[-1]

    async def chore(self, name: str) -> None:
        """Run one of the node's chores now."""
        await next(chore.run for chore in self.service.chores if chore.name == name)()

    async def status(self) -> list[tuple[str, str]]:
        """(address, status) of all accounts."""
        rows = await self.pool.all("SELECT email, status FROM users_auth ORDER BY email")
        return [(row["email"], row["status"]) for row in rows]


@contextlib.asynccontextmanager
async def running_auth(
    url: str, pool: Pool, clock: list[datetime], providers: Sequence[IdentityProvider] = ()
) -> AsyncIterator[Auth]:
    """One instance of the node with a connection of its own; tests run its chores."""
    passwords = Passwords(threads=1)
    async with a_bus(url, "auth") as bus:
        service = Auth(pool, bus, passwords, root=ROOT, admin=ADMIN, clock=lambda: clock[0], providers=providers)
        await service.prepare()
        async with a_node(url, SmallService("auth", *service.bindings)):
            yield service
    passwords.close()


@contextlib.asynccontextmanager
async def an_auth_house(nats_url: str, dsn: str, providers: Sequence[IdentityProvider] = ()) -> AsyncIterator[House]:
    """A running node, what the edges hear of it, and the mails that it orders."""
    await migrate(dsn, MIGRATIONS)
    async with contextlib.AsyncExitStack() as stack:
        pool, profiles, clock = await open_pool(dsn), Profiles(), [START]
        stack.push_async_callback(pool.close)
        bus = await stack.enter_async_context(a_bus(nats_url, streams=True))
        beside = SmallService("users", serve(users.CREATE, profiles.create), serve(users.GET, profiles.get))
        await stack.enter_async_context(a_node(nats_url, beside))
        service = await stack.enter_async_context(running_auth(nats_url, pool, clock, providers))
        house = House(nats_url, dsn, bus, pool, service, profiles, clock)
        post = SmallService("notifications", work(notifications.MAIL, house.take_mail))
        await stack.enter_async_context(a_node(nats_url, post))
        stop = await bus.watch(security.SESSION_REVOKED, lambda event: house.ended.extend(event.session_ids))
        stack.push_async_callback(stop)
        yield house
        await service.close()
