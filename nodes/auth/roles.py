"""Roles: given and taken by administrators."""

from adapters.postgres import Pool, Queries
from contracts.errors import Conflict, Forbidden, NotFound
from contracts.oauth import Roles, SetRoles
from contracts.wire import Context
from nodes.auth.audit import AuditLog
from nodes.auth.model import ADMIN, USER
from nodes.auth.revocation import Revocation, asking


class RoleBook:
    """Handler of `SET_ROLES`. An access token says the roles of when it was made, so that who loses `admin` is signed
    out; other roles change at the next refresh."""

    def __init__(self, pool: Pool, sql: Queries, audit: AuditLog, revocation: Revocation) -> None:
        self._pool = pool
        self._sql = sql
        self._audit = audit
        self._revocation = revocation

    async def set(self, message: SetRoles, context: Context) -> Roles:
        """Give and take roles. Idempotent. Raises Forbidden, NotFound, Conflict for the own role of administrator."""
        if ADMIN not in context.roles:
            raise Forbidden("Only administrators may do this.")
        wanted = (USER, *sorted({*message.roles} - {USER}))
        if message.id == asking(context) and ADMIN not in wanted:
            raise Conflict("Another administrator has to take this role from you.")
        async with self._pool.transaction() as transaction:
            row = await transaction.one(self._sql["lock_roles"], message.id)
            if row is None:
                raise NotFound("There is no such account.")
            had = set(row["roles"])
            await transaction.run(self._sql["set_roles"], message.id, list(wanted))
            for role in sorted(set(wanted) - had):
                await self._audit.note("role_given", message.id, context, detail=role, within=transaction)
            for role in sorted(had - set(wanted)):
                await self._audit.note("role_taken", message.id, context, detail=role, within=transaction)
            if ADMIN in had and ADMIN not in wanted:
                await self._revocation.end_all(message.id, context, transaction)
        self._revocation.kick()
        return Roles(id=message.id, roles=wanted)
