"""Users who order covers from a stack that is being killed: each order until it is accepted, one key for all tries.

Orders come over HTTP and over NATS in turn. What each order asks for follows from its number (`FATES`), so that every
way in which a task can end is in every forty of them; one NATS order in five is sent again after it was accepted.
"""

import asyncio
import contextlib
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from adapters.nats.bus import Bus
from contracts import covers, tasks
from contracts.covers import GenerateCover
from contracts.errors import Conflict, Internal, RateLimited, ServiceError, Unavailable
from contracts.tasks import Progress
from contracts.wire import Context
from tests.support.api import Api
from tests.support.chaos_host import FLEETING, HOPELESS, SPOILT, UNPAINTABLE, UNSETTABLE

ROUND = 40
SOON = "soon"
FATES: dict[int, str] = {3: UNPAINTABLE, 7: SPOILT, 11: UNSETTABLE, 15: FLEETING, 17: FLEETING, 19: HOPELESS}
"""What is wrong with an order, by its number in a round of forty."""
CANCELS = {23: "store", 25: "store", 27: "compose", 31: SOON, 35: "paint", 38: "check_image"}
"""At which step its user cancels it."""
AGAIN = (0.1, 0.5)
"""Seconds between two tries."""
TRY_AGAIN = (409, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Order:
    """One wish for a cover."""

    number: int

    @property
    def fate(self) -> str:
        """What is wrong with it; empty for most."""
        return FATES.get(self.number % ROUND, "")

    @property
    def cancel_at(self) -> str | None:
        """The step at which its user does not want it any more."""
        return CANCELS.get(self.number % ROUND)

    @property
    def by_http(self) -> bool:
        """Otherwise over NATS, as an edge would."""
        return self.number % 2 == 0

    @property
    def twice(self) -> bool:
        """Its user sends it again, with its key."""
        return self.number % 10 == 9

    @property
    def wish(self) -> GenerateCover:
        """What is ordered."""
        return GenerateCover(
            title=f"Storm Glass {self.number}",
            author=self.fate or None,
            prompt=f"a quiet harbour {self.fate}".strip(),
            format="thumbnail",
            seed=self.number,
        )


@dataclass(slots=True)
class Shop:
    """All orders of a test and what became of them on the users' side."""

    waiting: "asyncio.Queue[Order]" = field(default_factory=asyncio.Queue)
    accepted: dict[uuid.UUID, Order] = field(default_factory=dict)
    """By task."""
    owners: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    """User by task."""
    split: list[Order] = field(default_factory=list)
    """Orders whose key gave two tasks."""
    told: Counter[str] = field(default_factory=Counter)
    """Answers other than an acceptance, by code."""
    steps: dict[uuid.UUID, str | None] = field(default_factory=dict)
    """Where each task was heard last."""
    cancelling: dict[uuid.UUID, "asyncio.Task[None]"] = field(default_factory=dict)
    count: int = 0

    def order(self, count: int) -> None:
        """That many more orders."""
        for number in range(self.count, self.count + count):
            self.waiting.put_nowait(Order(number))
        self.count += count

    def hear(self, progress: Progress) -> None:
        """A task moved."""
        self.steps[progress.task_id] = progress.step

    def wants_cancel(self, task_id: uuid.UUID) -> bool:
        """Is this the step at which the user of the task cancels it?"""
        order = self.accepted.get(task_id)
        if order is None or order.cancel_at is None or task_id in self.cancelling:
            return False
        return order.cancel_at in (SOON, self.steps.get(task_id))

    @property
    def is_served(self) -> bool:
        """Has everything been accepted?"""
        return len(self.accepted) == self.count


class Customer:
    """One user with both ways of ordering."""

    def __init__(self, bus: Bus, session: aiohttp.ClientSession, base: str) -> None:
        self._bus = bus
        self._api = Api(session, base)
        self.user_id = uuid.UUID(int=0)

    async def sign_up(self) -> None:
        """Become a user."""
        self.user_id = uuid.UUID((await self._api.register())["id"])

    async def serve(self, shop: Shop) -> None:
        """Place one order after the other; until cancelled."""
        while True:
            order = await shop.waiting.get()
            key = f"{order.number}-{random.getrandbits(64):x}"
            task_id = await self._until_accepted(shop, order, key, by_http=order.by_http)
            shop.accepted[task_id] = order
            shop.owners[task_id] = self.user_id
            if order.twice and await self._until_accepted(shop, order, key, by_http=False) != task_id:
                shop.split.append(order)
            self.maybe_cancel(shop, task_id)

    def maybe_cancel(self, shop: Shop, task_id: uuid.UUID) -> None:
        """Cancel the task if this is where its user does."""
        if shop.wants_cancel(task_id):
            order = shop.accepted[task_id]
            wait = random.uniform(0, 1) if order.cancel_at == SOON else 0.0
            shop.cancelling[task_id] = asyncio.create_task(self._cancel(task_id, wait))

    async def _cancel(self, task_id: uuid.UUID, wait: float) -> None:
        """Try for a while; it may be too late."""
        await asyncio.sleep(wait)
        for _ in range(20):
            try:
                await self._bus.request(tasks.CANCEL, tasks.CancelTask(task_id=task_id), self._context())
            except Conflict:
                return
            except ServiceError:
                await asyncio.sleep(random.uniform(*AGAIN))
            else:
                return

    async def _until_accepted(self, shop: Shop, order: Order, key: str, *, by_http: bool) -> uuid.UUID:
        while True:
            task_id = await (self._over_http(shop, order, key) if by_http else self._over_nats(shop, order, key))
            if task_id is not None:
                return task_id
            await asyncio.sleep(random.uniform(*AGAIN))

    async def _over_nats(self, shop: Shop, order: Order, key: str) -> uuid.UUID | None:
        try:
            return (await self._bus.request(covers.GENERATE, order.wish, self._context(key))).task_id
        except (Unavailable, Internal, RateLimited, Conflict) as error:
            shop.told[f"{error.code} over NATS"] += 1
        return None

    async def _over_http(self, shop: Shop, order: Order, key: str) -> uuid.UUID | None:
        wish = order.wish
        body: dict[str, Any] = {"author": wish.author, "prompt": wish.prompt, "format": wish.format, "seed": wish.seed}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            answer = await self._api.order(wish.title, key, **body)
            if answer.status == 202:
                return uuid.UUID(answer.body["task_id"])
            assert answer.status in TRY_AGAIN, answer.body
            shop.told[f"{answer.status} over HTTP"] += 1
        return None

    def _context(self, key: str | None = None) -> Context:
        context = Context.new(user_id=self.user_id, tier="pro_plus")
        return msgspec.structs.replace(context, idempotency_key=key)
