"""Partners' programs: made, listed and removed by their owners; known by their id and secret when they ask for tokens.

Only SHA-256 of a secret is kept: it is 256 random bits, which no slow hash would protect better.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from adapters.crypto import new_opaque_token, same, token_hash
from adapters.postgres import Pool, Queries
from contracts.errors import Conflict, Forbidden, NotFound, Unauthenticated
from contracts.oauth import SECRETS_BEGIN, Client, ClientList, CreateClient, DeleteClient, ListClients, NewClient
from contracts.wire import Context, Done
from nodes.auth.audit import AuditLog
from nodes.auth.keyring import Keyring
from nodes.auth.model import ADMIN
from nodes.auth.oauth import OPENID, PARTNER, Refused, Registered, check_client
from nodes.auth.revocation import Revocation, asking

MOST = 20


class Clients:
    """Handlers of `LIST_CLIENTS`, `CREATE_CLIENT` and `DELETE_CLIENT`; `find` and `proven` for the protocol."""

    def __init__(
        self,
        pool: Pool,
        sql: Queries,
        audit: AuditLog,
        revocation: Revocation,
        keyring: Keyring,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._audit = audit
        self._revocation = revocation
        self._keyring = keyring
        self._clock = clock

    async def create(self, message: CreateClient, context: Context) -> NewClient:
        """Make a client. Raises Forbidden for who is no partner, Invalid naming the field, Conflict beyond 20."""
        owner = _partner(context)
        check_client(message)
        if OPENID in message.scopes:
            await self._keyring.ensure("RS256")  # so that its public part is known everywhere before it is needed
        made = NewClient(
            id=uuid.uuid4(),
            name=message.name.strip(),
            confidential=message.confidential,
            redirect_uris=tuple(dict.fromkeys(message.redirect_uris)),
            scopes=tuple(sorted(set(message.scopes))),
            grant_types=tuple(sorted(set(message.grant_types))),
            created_at=self._clock(),
            client_secret=f"{SECRETS_BEGIN}{new_opaque_token()}" if message.confidential else None,
        )
        await self._keep(made, owner, context)
        return made

    async def list(self, message: ListClients, context: Context) -> ClientList:
        """The caller's clients. Raises Forbidden."""
        rows = await self._pool.all(self._sql["clients_of"], _partner(context))
        return ClientList(items=tuple(msgspec.convert(row, Client) for row in rows))

    async def delete(self, message: DeleteClient, context: Context) -> Done:
        """Remove a client and end all that it has got. Raises Forbidden, NotFound."""
        owner = _partner(context)
        async with self._pool.transaction() as transaction:
            name = await transaction.value(self._sql["delete_client"], message.id, owner)
            if name is None:
                raise NotFound("You have no such client.")
            await self._audit.note("client_removed", owner, context, detail=str(message.id), within=transaction)
            for row in await transaction.all(self._sql["client_sessions"], message.id):
                await self._revocation.end([row["id"]], row["user_id"], context, transaction)
        self._revocation.kick()
        return Done()

    async def find(self, client_id: str | None) -> Registered | None:
        """The client of that id, while its owner may have one."""
        try:
            known = uuid.UUID(client_id or "")
        except ValueError:
            return None
        row = await self._pool.one(self._sql["client"], known)
        return None if row is None else msgspec.convert(row, Registered)

    async def proven(self, client_id: str | None, secret: str | None) -> Registered:
        """The client, by its secret; a public one by its id alone. Raises Refused (invalid_client)."""
        client = await self.find(client_id)
        if client is None:
            raise _unknown()
        if client.secret_hash is None:
            if secret:
                raise _unknown()
        elif not same(token_hash(secret or ""), client.secret_hash):
            raise _unknown()
        return client

    async def _keep(self, made: NewClient, owner: uuid.UUID, context: Context) -> None:
        async with self._pool.transaction() as transaction:
            if await transaction.value(self._sql["lock_owner"], owner) is None:
                raise Unauthenticated("The account is gone.")
            if await transaction.value(self._sql["count_clients"], owner) >= MOST:
                raise Conflict(f"There are {MOST} clients already. Remove one that is not used.")
            digest = None if made.client_secret is None else token_hash(made.client_secret)
            lists = ([*made.redirect_uris], [*made.scopes], [*made.grant_types])
            await transaction.run(
                self._sql["insert_client"], made.id, owner, made.name, digest, *lists, made.created_at
            )
            await self._audit.note("client_made", owner, context, detail=str(made.id), within=transaction)


def _partner(context: Context) -> uuid.UUID:
    """The caller, when a partner or an administrator. Raises Forbidden, Unauthenticated."""
    caller = asking(context)
    if not {PARTNER, ADMIN} & set(context.roles):
        raise Forbidden("Only partners may do this.")
    return caller


def _unknown() -> Refused:
    return Refused("invalid_client", "The client is unknown, or its secret is not right.")
