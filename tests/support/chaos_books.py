"""What databases, streams and the object store say after the kills, and which promises that breaks.

Nothing is asked of the nodes: everything is read where it is kept.
"""

import asyncio
import math
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from nats.aio.msg import Msg

from adapters.mongo import open_mongo
from adapters.nats.dead_letters import Letter, letters
from contracts import covers, tasks
from contracts.covers import CoverCompleted
from contracts.tasks import Progress, TaskFinished
from tests.support.chaos_world import KEPT, World

ENDED = ("succeeded", "failed", "cancelled")
KINDS = {"cover_ready": "succeeded", "cover_failed": "failed", "cover_cancelled": "cancelled"}
ENDINGS = {"ready": "succeeded", "failed": "failed", "cancelled": "cancelled"}
PASSING = ("unavailable", "deadline_exceeded", "max_deliveries")
"""Reasons of dead letters that are explained: what was asked was away, or every worker was killed with it in hand."""
READ_LIMIT = 30.0

Document = dict[str, Any]


@dataclass(slots=True)
class Books:
    """Everything that was kept, by task where there is one."""

    accepted: Mapping[uuid.UUID, uuid.UUID]
    """User by task."""
    tasks: dict[uuid.UUID, Document] = field(default_factory=dict)
    covers: dict[uuid.UUID, Document] = field(default_factory=dict)
    notices: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    """By the task that their effect key begins with."""
    quotas: dict[uuid.UUID, tuple[int, int]] = field(default_factory=dict)
    """(used, reserved) by user."""
    reservations: Counter[str] = field(default_factory=Counter)
    objects: set[str] = field(default_factory=set)
    progress: dict[uuid.UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The numbers of a task's progress events as they are in the stream."""
    finished: Counter[uuid.UUID] = field(default_factory=Counter)
    completed: Counter[uuid.UUID] = field(default_factory=Counter)
    jobs: int = 0
    """Messages that are still in the work queues."""
    letters: list[Letter] = field(default_factory=list)
    split: int = 0

    @property
    def statuses(self) -> Counter[str]:
        """How the tasks ended."""
        return Counter(task["status"] for task in self.tasks.values())

    @property
    def succeeded(self) -> set[uuid.UUID]:
        """Tasks that made a cover."""
        return {task_id for task_id, task in self.tasks.items() if task["status"] == "succeeded"}

    @property
    def referenced(self) -> set[str]:
        """Objects of covers that their users can see."""
        found: set[str] = set()
        for cover in self.covers.values():
            if cover["status"] == "ready":
                refs = [cover["art"], *(v[k] for v in cover["versions"] for k in ("image", "thumbnail"))]
                found.update(ref["key"] for ref in refs if ref)
        return found

    @property
    def broken(self) -> dict[str, int]:
        """How many cases of each promise are broken; the same promises each time."""
        return {promise: count(self) for promise, count in PROMISES.items()}

    def report(self) -> str:
        """What is broken, with where the stuck tasks are and what died, for whoever reads a failure."""
        stuck = [(str(key), task["status"], task["step"]) for key, task in self.tasks.items() if not _ended(task)]
        dead = Counter((letter.subject, letter.reason) for letter in self.letters)
        return f"{ {k: v for k, v in self.broken.items() if v} }; stuck: {stuck[:20]}; dead: {dict(dead)}"


def _ended(task: Document) -> bool:
    return task["status"] in ENDED


def _resent(books: Books) -> int:
    return sum(1 for task in books.tasks.values() for entry in task["log"] if entry["event"] == "resent")


def _unmade(task: Document) -> bool:
    return task["status"] in ("failed", "cancelled")


def _drift(books: Books) -> int:
    made = Counter(books.tasks[task_id]["user_id"] for task_id in books.succeeded)
    return sum(abs(used - made[user]) + reserved for user, (used, reserved) in books.quotas.items())


def _versions(books: Books) -> int:
    wrong = 0
    for task_id, task in books.tasks.items():
        cover = books.covers.get(task_id, {"status": None, "versions": ()})
        versions = 1 if task["status"] == "succeeded" else 0
        wrong += ENDINGS.get(cover["status"]) != task["status"] or len(cover["versions"]) != versions
    return wrong


def _untold(books: Books) -> int:
    return sum(1 for task_id, task in books.tasks.items() if task["status"] not in _kinds(books, task_id))


def _told_twice(books: Books) -> int:
    return sum(len(found) - 1 for found in books.notices.values() if len(found) > 1)


def _kinds(books: Books, task_id: uuid.UUID) -> list[str | None]:
    return [KINDS.get(notice["kind"]) for notice in books.notices.get(str(task_id), ())]


def _missing_events(books: Books) -> int:
    gaps = sum(1 for key, task in books.tasks.items() if set(books.progress[key]) != set(range(1, task["seq"] + 1)))
    return gaps + len(books.tasks.keys() - books.finished.keys()) + len(books.succeeded - books.completed.keys())


def _doubled_events(books: Books) -> int:
    numbers = sum(len(seen) - len(set(seen)) for seen in books.progress.values())
    counts = (*books.finished.values(), *books.completed.values())
    unmade = sum(1 for key, task in books.tasks.items() if key in books.completed and _unmade(task))
    return numbers + sum(count - 1 for count in counts) + unmade


def _unexplained(books: Books) -> int:
    return sum(1 for letter in books.letters if letter.reason not in PASSING)


PROMISES: dict[str, Any] = {
    "accepted tasks lost": lambda books: len(books.accepted.keys() - books.tasks.keys()),
    "tasks that nobody ordered (one key, two tasks)": lambda b: len(b.tasks.keys() - b.accepted.keys()) + b.split,
    "tasks stuck": lambda books: sum(1 for task in books.tasks.values() if not _ended(task)),
    "steps lost until the reconciler sent them again": _resent,
    "quota drift, covers": _drift,
    "covers not as their task ended, or not of one version": _versions,
    "orphan objects": lambda books: len(books.objects - books.referenced),
    "missing objects": lambda books: len(books.referenced - books.objects),
    "duplicate notifications": _told_twice,
    "missing notifications": _untold,
    "duplicate events": _doubled_events,
    "missing events": _missing_events,
    "messages left in the work queues": lambda books: books.jobs,
    "dead letters that no outage explains": _unexplained,
}


async def read_books(world: World) -> Books:
    """All of it as it is now."""
    books = Books(dict(world.shop.owners), split=len(world.shop.split))
    await _read_mongo(world, books)
    async with world.postgres() as connection:
        for row in await connection.fetch("SELECT id, quota_used, quota_reserved FROM users"):
            books.quotas[row["id"]] = (row["quota_used"], row["quota_reserved"])
        for row in await connection.fetch("SELECT state, count(*) AS count FROM quota_reservations GROUP BY state"):
            books.reservations[row["state"]] = row["count"]
    books.objects = {f"{path.parent.name}/{path.name}" for path in world.objects.glob("[!.]*/*")}
    books.jobs = (await world.call("STREAM.INFO.JOBS"))["state"]["messages"]
    books.letters = [letter async for letter in letters(world.ops)]
    await _read_events(world, books)
    return books


async def _read_mongo(world: World, books: Books) -> None:
    client = open_mongo(world.stack.info.mongo)
    found = {name: await client[database][name].find({}).to_list(None) for database, name in KEPT.items()}
    client.close()
    books.tasks = {task["_id"]: task for task in found["generation_tasks"]}
    books.covers = {cover["task_id"]: cover for cover in found["covers"]}
    for notice in found["inbox"]:
        if notice["kind"] in KINDS:
            books.notices[notice["effect_key"].partition(":")[0]].append(notice)


async def _read_events(world: World, books: Books) -> None:
    """Every event that is stored, through a consumer of our own that goes away with its inbox."""
    client = world.ops.connection.client
    inbox, seen = client.new_inbox(), asyncio.Queue[Msg]()
    subscription = await client.subscribe(inbox, cb=seen.put)
    many = (await world.call("STREAM.INFO.EVENTS"))["state"]["messages"]
    config = {"deliver_subject": inbox, "deliver_policy": "all", "ack_policy": "none", "replay_policy": "instant"}
    await world.call("CONSUMER.CREATE.EVENTS", {"stream_name": "EVENTS", "config": config})
    async with asyncio.timeout(READ_LIMIT):
        for _ in range(many):
            _note_event(books, await seen.get())
    await subscription.unsubscribe()


def _note_event(books: Books, message: Msg) -> None:
    if message.subject == tasks.PROGRESSED.subject:
        progress = msgspec.json.decode(message.data, type=Progress)
        books.progress[progress.task_id].append(progress.seq)
    elif message.subject == tasks.FINISHED.subject:
        books.finished[msgspec.json.decode(message.data, type=TaskFinished).task_id] += 1
    elif message.subject == covers.COMPLETED.subject:
        books.completed[msgspec.json.decode(message.data, type=CoverCompleted).task_id] += 1


async def settled(world: World, still: float, most: float = math.inf) -> Books:
    """The books when nothing is left to do, or no task has moved for `still` seconds (slow is not stuck), or after
    `most` seconds.
    """
    began = world.moved_at = time.monotonic()
    while not await _is_quiet(world) and time.monotonic() < min(world.moved_at + still, began + most):
        await asyncio.sleep(0.5)
    return await read_books(world)


async def _is_quiet(world: World) -> bool:
    if (await world.call("STREAM.INFO.JOBS"))["state"]["messages"]:
        return False
    for name in (await world.call("CONSUMER.NAMES.EVENTS"))["consumers"]:
        state = await world.call(f"CONSUMER.INFO.EVENTS.{name}")
        if state["num_pending"] or state["num_ack_pending"]:
            return False
    client = open_mongo(world.stack.info.mongo)
    try:
        kept = client["covergen_tasks"]["generation_tasks"], client["covergen_covers"]["covers"]
        moving = await kept[0].count_documents({"status": {"$nin": list(ENDED)}})
        waits = [await each.count_documents({"outbox.at": {"$exists": True}}) for each in kept]
        ending = await kept[1].count_documents({"status": "generating"})
    finally:
        client.close()
    return not moving and not ending and not any(waits)


def summary(killed: Iterable[Any]) -> dict[str, str]:
    """Kills by target with their moments, and how long it took until all was back."""
    rows: dict[str, str] = {}
    by_target: dict[str, list[Any]] = defaultdict(list)
    for each in killed:
        by_target[each.kill.target].append(each)
    for target, kills in by_target.items():
        moments = Counter(each.kill.moment if each.aimed else "missed" for each in kills)
        longest = f"back {max(k.back for k in kills):.1f} s, moving {max(k.moving for k in kills):.1f} s at most"
        rows[target] = f"{len(kills)} ({', '.join(f'{k} {n}' for k, n in moments.items())}); {longest}"
    return rows
