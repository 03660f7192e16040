"""The outbox inside a document of MongoDB: a change and the messages that tell of it are one write."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from adapters.mongo import Collection, Document, Index, mongo_errors, now, up_to


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits in a document until JetStream has it."""

    subject: str
    payload: bytes
    message_id: str
    """The Nats-Msg-Id, unique in the whole collection: sending twice within the window stores once."""
    headers: dict[str, str] = {}


class Send(Protocol):
    """The raw publish of the bus: returns when JetStream has the message, raises Unavailable."""

    def __call__(
        self, subject: str, payload: bytes, *, message_id: str, headers: Mapping[str, str]
    ) -> Awaitable[None]: ...


OUTBOX_INDEX = Index("outbox_at", (("outbox.at", 1),))
"""Finds documents with messages that wait; an empty or missing outbox costs the sweep nothing."""


def waiting(messages: Iterable[Outgoing], at: datetime) -> list[Document]:
    """The stored form of `messages`.

    Put it into the same write as the change that they tell of: `{"outbox": waiting(...)}` in a new document,
    `{"$push": {"outbox": {"$each": waiting(...)}}}` in an update.
    """
    return [
        {"id": m.message_id, "subject": m.subject, "payload": m.payload, "headers": dict(m.headers), "at": at}
        for m in messages
    ]


class Outbox:
    """Sends the messages that wait in documents of one collection, in order within a document.

    A message is sent at least once, under one message id. After a crash at any point `sweep` finds what was not
    cleared. Clearing costs one write for many documents, so `relay` only notes what was sent and `flush` clears it;
    until then the same process does not send it again.
    """

    def __init__(self, collection: Collection, send: Send, *, grace: float = 2.0, clock: Callable[[], datetime] = now):
        """`grace`: seconds after which a message that still waits is taken to be forgotten, more than others need."""
        self._collection = collection
        self._send = send
        self._grace = timedelta(seconds=grace)
        self._clock = clock
        self._sent: dict[str, Any] = {}
        self._cleared: frozenset[str] = frozenset()

    async def relay(self, document: Mapping[str, Any]) -> None:
        """Send what waits in this document, as it was just read or written. Raises Unavailable: the rest waits on."""
        for entry in document.get("outbox", ()):
            if entry["id"] in self._sent or entry["id"] in self._cleared:
                continue  # the document may have been read before it was cleared
            await self._send(
                entry["subject"], entry["payload"], message_id=entry["id"], headers=entry.get("headers") or {}
            )
            self._sent[entry["id"]] = document["_id"]

    async def flush(self) -> int:
        """Clear what was sent; returns how many messages. Run it by a chore, about twice a second."""
        sent = dict(self._sent)
        self._cleared = frozenset(sent)
        if sent:
            with mongo_errors():
                await self._collection.update_many(
                    {"_id": {"$in": _distinct(sent.values())}},
                    {"$pull": {"outbox": {"id": {"$in": list(sent)}}}},
                )
            for message_id in sent:
                self._sent.pop(message_id, None)
        return len(sent)

    async def sweep(self, limit: int = 200) -> int:
        """Clear what was sent, then send what has waited for longer than the grace time; returns how many documents.

        A document whose message is not taken does not hold up the others; the first such error is raised at the end.
        """
        await self.flush()
        late = {"outbox.at": up_to(self._clock() - self._grace)}
        with mongo_errors():
            documents = (
                await self._collection.find(late, {"outbox": 1}).sort("outbox.at", 1).limit(limit).to_list(limit)
            )
        results = await asyncio.gather(*(self.relay(document) for document in documents), return_exceptions=True)
        await self.flush()
        for result in results:
            if result is not None:
                raise result
        return len(documents)


def _distinct(values: Iterable[Any]) -> Sequence[Any]:
    return list(dict.fromkeys(values))
