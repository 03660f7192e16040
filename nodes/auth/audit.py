"""The log of what concerns the safety of accounts: who, what, when, from which network. No secret is ever in it."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from adapters.postgres import Pool, Queries, Transaction
from contracts.errors import Forbidden
from contracts.paging import cut, decode_cursor
from contracts.reviews import ReviewDecided
from contracts.security import AuditEntry, AuditPage, ListAudit, SecurityEvent
from contracts.wire import Context
from nodes.auth.model import ADMIN

KEPT = timedelta(days=365)


class AuditLog:
    """Writes lines, in the transaction of what they tell of where there is one; handler of `AUDIT` and of what other
    nodes tell; chore `sweep`."""

    def __init__(self, pool: Pool, sql: Queries, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._sql = sql
        self._clock = clock

    async def note(
        self,
        event: SecurityEvent,
        user_id: uuid.UUID | None,
        context: Context,
        *,
        detail: str = "",
        within: Transaction | None = None,
    ) -> None:
        """One line. `context` says who did it and from where."""
        where = (context.user_id, context.address, context.user_agent)
        line = (uuid.uuid4(), self._clock(), event, user_id, *where, detail)
        await (within or self._pool).run(self._sql["note"], *line)

    async def review_decided(self, event: ReviewDecided, context: Context) -> None:
        """What an administrator said in the safety node. Idempotent by the decision's id."""
        where = (event.user_id, context.user_id, context.address, context.user_agent)
        line = (event.decision_id, event.at, *where, f"{event.review_id} {event.decision}")
        await self._pool.run(self._sql["note_review"], *line)

    async def forget_origin(self, user_id: uuid.UUID, within: Transaction) -> None:
        """The account is gone: what happened stays, without addresses and programs."""
        await within.run(self._sql["anonymise_audit"], user_id)

    async def page(self, message: ListAudit, context: Context) -> AuditPage:
        """The log, the newest first. Raises Forbidden for anybody but administrators, Invalid for a bad cursor."""
        if ADMIN not in context.roles:
            raise Forbidden("Only administrators may do this.")
        before = None if message.cursor is None else decode_cursor(message.cursor, (int,))[0]
        chosen = (message.user_id, message.event, before, message.limit + 1)
        rows = await self._pool.all(self._sql["audit"], *chosen)
        shown, following = cut(rows, message.limit, lambda row: (row["position"],))
        return AuditPage(items=tuple(msgspec.convert(row, AuditEntry) for row in shown), next_cursor=following)

    async def sweep(self) -> None:
        """Delete lines that are older than a year."""
        await self._pool.run(self._sql["sweep_audit"], self._clock() - KEPT)
