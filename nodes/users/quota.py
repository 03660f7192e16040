"""The quota of covers: reserved, then committed or released, each once per task; and the chores that keep it true."""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from adapters.nats.bus import Bus
from contracts import covers, tasks
from contracts.errors import KeyReused, NotFound, ServiceError, Unavailable
from contracts.users import GetQuota, Quota, ReserveQuota, SettleQuota
from contracts.wire import Context
from nodes.users.model import CARRY, Allowance, Reservation, Settled, caller, found, settled, uncounted
from nodes.users.store import LockedUser, UserStore

log = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(seconds=60)
"""Longer than anybody takes from the reservation to the task."""
SWEEP_BATCH = 500
RECONCILE_WINDOW = timedelta(minutes=30)
RECONCILE_BATCH = 500


class Quotas:
    """Handlers and chores of the quota. Counters change in one transaction under the lock of the user's row."""

    def __init__(self, store: UserStore, bus: Bus, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock

    async def quota(self, message: GetQuota, context: Context) -> Quota:
        """The caller's quota of this month."""
        return found(await self._store.allowance(caller(context))).at(self._clock()).quota()

    async def reserve(self, message: ReserveQuota, context: Context) -> Quota:
        """Hold quota for a task; idempotent by task id. Raises OverQuota, KeyReused for a task of another request.

        What was given back is held again, because the task begins again.
        """
        user_id, now = caller(context), self._clock()
        async with self._store.locked(user_id) as user:
            user = found(user)
            allowance = user.allowance.at(now)
            known = await user.reservation(message.task_id)
            if known is not None and (known.user_id, known.amount) != (user_id, message.amount):
                raise KeyReused("This task id belongs to another request.")
            if known is not None and known.state != "released":
                return allowance.quota()
            allowance = allowance.reserve(message.amount)
            if not await user.put(_held(message, user_id, allowance), now):
                raise KeyReused("This task id belongs to another request.")
            await user.write(allowance)
        return allowance.quota()

    async def commit(self, message: SettleQuota, context: Context) -> None:
        """Count what a task has made, also when its reservation was given back before; idempotent by task id."""
        await self._settle_and_report(message, "committed", context)

    async def release(self, message: SettleQuota, context: Context) -> None:
        """Give back what a task has not made; nothing happens when it is counted or was never held."""
        await self._settle_and_report(message, "released", context)

    async def release_orphans(self) -> None:
        """Release reservations whose task was never created."""
        held = dict(await self._store.unconfirmed(self._clock() - ORPHAN_AGE, SWEEP_BATCH))
        if not held:
            return
        question = tasks.FindUnknown(task_ids=tuple(held))
        unknown = (await self._bus.request(tasks.FIND_UNKNOWN, question, Context.new())).task_ids
        await self._store.confirm([task_id for task_id in held if task_id not in unknown])
        for task_id in unknown:
            log.warning("released the quota of task %s, which does not exist", task_id)
            await self._settle(held[task_id], task_id, "released")

    async def reconcile(self) -> None:
        """Count covers that were completed without being counted, for users who were active of late."""
        since, after = self._clock() - RECONCILE_WINDOW, uuid.UUID(int=0)
        while page := await self._store.active_users(since, after, RECONCILE_BATCH):
            for user_id in page:
                await self._reconcile(user_id)
            after = page[-1]

    async def _settle_and_report(self, message: SettleQuota, to: Settled, context: Context) -> None:
        """Settle, then tell the saga that waits for it. A failure for good goes to the saga too, if there is one."""
        try:
            await self._settle(message.user_id, message.task_id, to, message.amount)
        except Unavailable:
            raise
        except ServiceError as error:
            if message.step is None:
                raise
            await self._report(message.task_id, message.step, context, error)
        else:
            if message.step is not None:
                await self._report(message.task_id, message.step, context)

    async def _settle(self, user_id: uuid.UUID, task_id: uuid.UUID, to: Settled, made: int | None = None) -> None:
        now = self._clock()
        async with self._store.locked(user_id) as user:
            reservation = None if user is None else await user.reservation(task_id)
            if user is None or reservation is None or reservation.user_id != user_id:
                if to == "released":
                    return  # there is nothing to give back
                raise NotFound("Nothing was reserved for this task.")
            allowance, changed = settled(user.allowance.at(now), reservation, to, made)
            if changed:
                await user.settle(task_id, to, now)
                await user.write(allowance)

    async def _report(
        self, task_id: uuid.UUID, step: tasks.Step, context: Context, error: ServiceError | None = None
    ) -> None:
        problem = None if error is None else error.problem(context.request_id)
        report = tasks.StepReport(task_id=task_id, step=step, problem=problem, deliveries=context.delivery)
        await self._bus.enqueue(tasks.REPORT, report, message_id=tasks.report_id(report, context), context=context)

    async def _reconcile(self, user_id: uuid.UUID) -> None:
        """First ask, then count: a cover is counted before it is completed, so that nothing seems missing meanwhile."""
        now = self._clock()
        allowance = await self._store.allowance(user_id)
        if allowance is None:
            return
        since = allowance.at(now).period
        question = covers.GetUsage(user_id=user_id, since=since)
        completed = (await self._bus.request(covers.USAGE, question, Context.new())).completed
        async with self._store.locked(user_id) as user:
            if user is not None:
                await self._count_missing(user, user_id, since, completed)

    async def _count_missing(self, user: LockedUser, user_id: uuid.UUID, since: datetime, completed: int) -> None:
        allowance = user.allowance.at(self._clock())
        if allowance.period != since:
            return  # the month has just turned; next time
        missing = uncounted(allowance, await user.carried(since, since - CARRY), completed)
        if missing:
            log.warning("user %s: %d covers were completed but not counted", user_id, missing)
            await user.write(msgspec.structs.replace(allowance, used=allowance.used + missing))


def _held(message: ReserveQuota, user_id: uuid.UUID, allowance: Allowance) -> Reservation:
    return Reservation(
        task_id=message.task_id, user_id=user_id, amount=message.amount, state="reserved", period=allowance.period
    )
