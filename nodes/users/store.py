"""The users node's tables. Every change of a user's counters holds the lock of that user's row."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from adapters.postgres import Pool, Queries, Transaction, load_queries
from contracts.errors import Unauthenticated
from contracts.users import CreateUser, Preferences, User
from nodes.users.model import Allowance, Reservation, Settled

MIGRATIONS = Path(__file__).parent / "migrations"

Changes = tuple[tuple[bool, str | None], tuple[bool, str | None], tuple[bool, str | None]]
"""(given, value) for username, full_name and avatar_url."""


class UserStore:
    """Reads and single writes; `locked` begins a change of counters. Raises Unavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sql = load_queries(Path(__file__).parent / "queries.sql")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Everything in the block or nothing of it."""
        async with self._pool.transaction() as transaction:
            yield transaction

    async def insert(
        self, transaction: Transaction, wanted: CreateUser, username: str, allowance: Allowance, now: datetime
    ) -> User | None:
        """The new profile; None when its id or username exists. Raises Unauthenticated when the user was deleted."""
        await transaction.run(self._sql["lock_identity"], wanted.user_id)
        if await transaction.value(self._sql["deleted"], wanted.user_id):
            raise Unauthenticated("The account is gone.")
        row = await transaction.one(
            self._sql["insert_user"],
            wanted.user_id,
            wanted.email,
            username,
            wanted.full_name,
            allowance.tier,
            allowance.limit,
            allowance.resets_at,
            now,
        )
        return None if row is None else msgspec.convert(row, User)

    async def delete(self, user_id: uuid.UUID, now: datetime) -> bool:
        """Delete a profile with preferences and reservations; no `insert` brings it back. False when it was gone."""
        async with self._pool.transaction() as transaction:
            await transaction.run(self._sql["lock_identity"], user_id)
            await transaction.run(self._sql["mark_deleted"], user_id, now)
            return await transaction.run(self._sql["delete_user"], user_id) == 1

    async def forget_deleted(self, before: datetime) -> None:
        """Forget who was deleted before a time."""
        await self._pool.run(self._sql["forget_deleted"], before)

    async def user(self, user_id: uuid.UUID) -> User | None:
        """A profile."""
        row = await self._pool.one(self._sql["user"], user_id)
        return None if row is None else msgspec.convert(row, User)

    async def update(self, user_id: uuid.UUID, changes: Changes, now: datetime) -> User | None:
        """The profile with changes, None when there is none. Raises Duplicate when the username is taken."""
        values = [part for change in changes for part in change]
        row = await self._pool.one(self._sql["update_user"], user_id, *values, now)
        return None if row is None else msgspec.convert(row, User)

    async def preferences(self, user_id: uuid.UUID) -> Preferences | None:
        """What was set, or the defaults; None when there is no such user."""
        row = await self._pool.one(self._sql["preferences"], user_id)
        return None if row is None else msgspec.convert(row, Preferences)

    async def set_preferences(self, user_id: uuid.UUID, preferences: Preferences) -> Preferences | None:
        """What was set; None when there is no such user."""
        language, notify = preferences.language, preferences.email_notifications
        done = await self._pool.run(self._sql["set_preferences"], user_id, language, notify)
        return preferences if done else None

    async def allowance(self, user_id: uuid.UUID) -> Allowance | None:
        """The counters as they were last written."""
        row = await self._pool.one(self._sql["allowance"], user_id)
        return None if row is None else msgspec.convert(row, Allowance)

    @asynccontextmanager
    async def locked(self, user_id: uuid.UUID) -> AsyncIterator["LockedUser | None"]:
        """The user's counters, ours alone until the block ends; None when there is no such user."""
        async with self._pool.transaction() as transaction:
            row = await transaction.one(self._sql["locked_allowance"], user_id)
            if row is None:
                yield None
            else:
                yield LockedUser(transaction, self._sql, user_id, msgspec.convert(row, Allowance))

    async def unconfirmed(self, before: datetime, limit: int) -> list[tuple[uuid.UUID, uuid.UUID]]:
        """(task, user) of the oldest reservations made before a time whose tasks nobody has confirmed."""
        rows = await self._pool.all(self._sql["unconfirmed_reservations"], before, limit)
        return [(row["task_id"], row["user_id"]) for row in rows]

    async def confirm(self, task_ids: Sequence[uuid.UUID]) -> None:
        """These tasks exist: their reservations end with them."""
        await self._pool.run(self._sql["confirm_reservations"], task_ids)

    async def active_users(self, since: datetime, after: uuid.UUID, limit: int) -> list[uuid.UUID]:
        """Users with reservations made or settled since a time: by id, the next ones after `after`."""
        return [row["user_id"] for row in await self._pool.all(self._sql["active_users"], since, after, limit)]


class LockedUser:
    """A user's counters inside a transaction; `allowance` is what the row said when it was locked."""

    def __init__(self, transaction: Transaction, sql: Queries, user_id: uuid.UUID, allowance: Allowance) -> None:
        self._transaction = transaction
        self._sql = sql
        self._user_id = user_id
        self.allowance = allowance

    async def reservation(self, task_id: uuid.UUID) -> Reservation | None:
        """The reservation of a task, whoever's it is."""
        row = await self._transaction.one(self._sql["reservation"], task_id)
        return None if row is None else msgspec.convert(row, Reservation)

    async def put(self, reservation: Reservation, now: datetime) -> bool:
        """Write down a reservation that is held from now on; False when the task is another user's."""
        held = (reservation.task_id, self._user_id, reservation.amount, reservation.period)
        return await self._transaction.run(self._sql["put_reservation"], *held, now) == 1

    async def settle(self, task_id: uuid.UUID, to: Settled, now: datetime) -> None:
        """Write down how a reservation ended."""
        await self._transaction.run(self._sql["settle_reservation"], task_id, to, now)

    async def carried(self, period: datetime, since: datetime) -> int:
        """Covers that a month before `period` counts since a time, or still holds."""
        return int(await self._transaction.value(self._sql["carried"], self._user_id, period, since))

    async def write(self, allowance: Allowance) -> None:
        """Write the counters."""
        counters = (allowance.used, allowance.reserved, allowance.resets_at)
        await self._transaction.run(self._sql["set_allowance"], self._user_id, *counters)
