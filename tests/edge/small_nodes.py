"""Nodes for the edge's tests: real ones on a real bus, whose answers a test decides."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw, structs

from adapters.objects import Objects
from adapters.signed_tokens import SigningKey, sign
from contracts import auth, brands, covers, exports, notifications, operations, tasks, templates, users
from contracts.auth import AUDIENCE, ISSUER, Claims, Jwks, Session
from contracts.brands import BrandKit
from contracts.covers import Cover, CoverAccepted, CoverPage
from contracts.errors import Conflict, NotFound, OverQuota, ServiceError
from contracts.exports import Export, ExportAccepted, ExportPage, Presets, StoredFile
from contracts.notifications import Notification, NotificationPage
from contracts.recipes import Recipe
from contracts.signatures import VerificationKey
from contracts.tasks import History, Progress, Task, TaskPage
from contracts.templates import (
    Categories,
    Category,
    StyleParams,
    Template,
    TemplatePage,
    UserTemplate,
    UserTemplatePage,
)
from contracts.users import Preferences, Quota, User
from contracts.wire import Context, Done, Endpoint, ObjectRef
from nodes.bindings import Binding, serve
from tests.edge.cover_nodes import further_versions
from tests.edge.edit_nodes import edit_answers
from tests.edge.oauth_nodes import oauth_answers
from tests.edge.review_nodes import review_answers
from tests.edge.security_nodes import security_answers
from tests.edge.share_nodes import Linked, share_answers
from tests.support.buses import SmallService, a_node

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NODES = ("auth", "users", "templates", "safety", "covers", "edits", "exports", "tasks", "notifications")

IDLE = tasks.Load(waiting={}, seconds={lane.name: 0.0 for lane in tasks.PLANS}, per_minute=60.0, at=NOW)


@dataclass
class World:
    """What the nodes know, what they were asked, and how they are told to misbehave."""

    objects: Objects
    key: SigningKey = field(default_factory=SigningKey.new)
    keys: list[SigningKey] = field(default_factory=list)
    asked: list[tuple[str, Any, Context]] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    """Subject to the exception its handler raises."""
    slow: dict[str, float] = field(default_factory=dict)
    """Subject to the seconds its handler sleeps."""
    images: dict[uuid.UUID, ObjectRef] = field(default_factory=dict)
    files: dict[tuple[uuid.UUID, str], StoredFile] = field(default_factory=dict)
    """By export and name."""
    owners: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    """Task to user."""
    progress: dict[uuid.UUID, list[Progress]] = field(default_factory=dict)
    holders: dict[str, Claims] = field(default_factory=dict)
    """Claims by API key."""
    linked: dict[str, Linked] = field(default_factory=dict)
    """What is behind links, by their tokens."""
    signers: dict[str, VerificationKey] = field(default_factory=dict)
    """Keys of signed requests by their ids."""
    ended: list[uuid.UUID] = field(default_factory=list)
    """Sessions that ended lately."""
    load: tasks.Load = IDLE
    """How busy the tasks node says it is."""

    def __post_init__(self) -> None:
        self.keys.append(self.key)

    def count(self, endpoint: Endpoint[Any, Any]) -> int:
        """How often was it asked?"""
        return sum(subject == endpoint.subject for subject, _, _ in self.asked)

    def last(self, endpoint: Endpoint[Any, Any]) -> tuple[Any, Context]:
        """The last message to an endpoint, and its context."""
        return next((m, c) for subject, m, c in reversed(self.asked) if subject == endpoint.subject)

    def token(self, user_id: uuid.UUID, *, seconds: float = 600, key: SigningKey | None = None, **claims: Any) -> str:
        """An access token."""
        now = int(time.time())
        made = Claims(
            iss=ISSUER,
            aud=AUDIENCE,
            sub=user_id,
            sid=claims.pop("sid", uuid.uuid4()),
            jti=uuid.uuid4().hex,
            iat=now,
            exp=int(now + seconds),
            **claims,
        )
        return sign(made, key or self.key)

    def bearer(self, user_id: uuid.UUID | None = None, **claims: Any) -> dict[str, str]:
        """The headers of a signed-in user."""
        return {"Authorization": f"Bearer {self.token(user_id or uuid.uuid4(), **claims)}"}

    def moved(self, task_id: uuid.UUID, status: tasks.Status, step: str | None = None) -> Progress:
        """Write one more entry into a task's history."""
        entries = self.progress.setdefault(task_id, [])
        entry = Progress(
            task_id=task_id,
            user_id=self.owners[task_id],
            seq=len(entries) + 1,
            status=status,
            step=step,
            progress=len(entries) / 10,
            at=NOW,
        )
        entries.append(entry)
        return entry

    def service(self, node: str) -> SmallService:
        """The service of that name."""
        rows = [(e, h) for e, h in _answers(self).items() if e.node == node]
        return SmallService(node, *(self._binding(endpoint, answer) for endpoint, answer in rows))

    def _binding(self, endpoint: Endpoint[Any, Any], answer: Any) -> Binding:
        async def handle(message: Any, context: Context) -> Any:
            self.asked.append((endpoint.subject, message, context))
            await asyncio.sleep(self.slow.get(endpoint.subject, 0))
            error = self.failing.get(endpoint.subject)
            if error is not None:
                raise error
            return answer(message, context)

        return serve(endpoint, handle)


@contextlib.asynccontextmanager
async def the_nodes(nats_url: str, world: World, names: tuple[str, ...] = NODES) -> AsyncIterator[None]:
    """Run the nodes for the length of the block."""
    async with contextlib.AsyncExitStack() as stack:
        for name in names:
            await stack.enter_async_context(a_node(nats_url, world.service(name)))
        yield


def _answers(world: World) -> dict[Endpoint[Any, Any], Any]:
    return {
        **oauth_answers(),
        **edit_answers(world.images),
        **security_answers(world.holders, world.ended, world.signers),
        **further_versions(world.owners, a_cover),
        **share_answers(world.linked),
        **review_answers(world.objects),
        **_of_accounts(world),
        **_of_templates(),
        **_of_covers(world),
        **_of_tasks(world),
        **_of_operators(),
    }


def _of_accounts(world: World) -> dict[Endpoint[Any, Any], Any]:
    return {
        auth.REGISTER: lambda m, _c: _session(world, m.email),
        auth.LOGIN: lambda m, _c: _session(world, m.email),
        auth.REFRESH: lambda _m, _c: _session(world, "ada@example.org"),
        auth.LOGOUT: lambda _m, _c: Done(),
        auth.JWKS: lambda _m, _c: Jwks(keys=tuple(key.public for key in world.keys)),
        auth.ACCOUNT: lambda _m, c: _facts(c),
        auth.DELETE_ACCOUNT: lambda _m, _c: Done(),
        users.GET: lambda _m, c: _user(c),
        users.UPDATE: lambda _m, c: _user(c),
        users.PREFERENCES: lambda _m, _c: Preferences(),
        users.SET_PREFERENCES: lambda m, _c: m,
        brands.GET: lambda _m, _c: BrandKit(),
        brands.SET: lambda m, _c: BrandKit(typography=m.typography, palette=m.palette, updated_at=NOW),
        users.QUOTA: lambda _m, c: Quota(used=1, reserved=0, limit=10, tier=c.tier, resets_at=NOW),
    }


def _of_templates() -> dict[Endpoint[Any, Any], Any]:
    return {
        templates.LIST: lambda m, _c: TemplatePage(items=(_template(m.category or "book"),)),
        templates.GET: lambda m, _c: _template("book", m.template_id),
        templates.CATEGORIES: lambda _m, _c: Categories(items=(Category(slug="book", name="Book", count=1),)),
        templates.CREATE: lambda m, _c: _template(m.category),
        templates.UPDATE: lambda m, _c: _template("book", m.template_id),
        templates.DELETE: lambda _m, _c: Done(),
        templates.SAVE_MINE: lambda m, _c: _mine(m),
        templates.UPDATE_MINE: lambda m, _c: _mine(m),
        templates.DELETE_MINE: lambda _m, _c: Done(),
        templates.LIST_MINE: lambda _m, _c: UserTemplatePage(items=()),
    }


def _of_covers(world: World) -> dict[Endpoint[Any, Any], Any]:
    return {
        covers.GENERATE: lambda m, c: _accepted(world, m, c),
        covers.GET: lambda m, _c: a_cover(m.cover_id),
        covers.LIST: lambda _m, _c: CoverPage(items=()),
        covers.IMAGE: lambda m, _c: _image(world, m),
        covers.DELETE: lambda _m, _c: Done(),
        exports.CREATE: lambda _m, _c: ExportAccepted(task_id=uuid.uuid4(), export_id=uuid.uuid4(), status="queued"),
        exports.GET: lambda m, _c: _export(m.export_id),
        exports.LIST: lambda _m, _c: ExportPage(items=()),
        exports.FILE: lambda m, _c: _file(world, m),
        exports.PRESETS: lambda _m, _c: Presets(items=()),
        exports.DELETE: lambda _m, _c: Done(),
    }


def _of_tasks(world: World) -> dict[Endpoint[Any, Any], Any]:
    return {
        tasks.GET: lambda m, c: _task(_owned(world, m.task_id, c)),
        tasks.LIST: lambda _m, _c: TaskPage(items=()),
        tasks.CANCEL: lambda m, c: _task(_owned(world, m.task_id, c)),
        tasks.LOAD: lambda _m, _c: world.load,
        tasks.HISTORY: lambda m, c: _history(world, m, c),
        notifications.LIST: lambda _m, _c: NotificationPage(items=()),
        notifications.MARK_READ: lambda m, _c: _notification(m.notification_id),
    }


def _of_operators() -> dict[Endpoint[Any, Any], Any]:
    return {
        operations.LIST_DEAD: lambda _m, _c: operations.DeadLetterPage(items=()),
        operations.SHOW_DEAD: lambda m, _c: _letter(m.sequence),
        operations.REPLAY_DEAD: lambda _m, _c: Done(),
        operations.DROP_DEAD: lambda _m, _c: Done(),
        operations.INSPECT: lambda m, _c: _inspection(m.task_id),
        operations.INSPECT_ALL: lambda _m, _c: operations.TaskRows(items=()),
    }


def _session(world: World, email: str) -> Session:
    account = auth.Account(id=uuid.uuid4(), email=email, username="ada", created_at=NOW)
    token = world.token(account.id)
    return Session(user=account, access_token=token, refresh_token=uuid.uuid4().hex, expires_in=900)


def _facts(context: Context) -> auth.AccountFacts:
    assert context.user_id is not None
    return auth.AccountFacts(
        id=context.user_id, email="ada@example.org", roles=("user",), created_at=NOW, last_login=NOW, sessions=1
    )


def _user(context: Context) -> User:
    assert context.user_id is not None
    return User(
        id=context.user_id,
        email="ada@example.org",
        username="ada",
        full_name=None,
        avatar_url=None,
        subscription_tier=context.tier,
        created_at=NOW,
        updated_at=NOW,
    )


def _template(category: str, template_id: uuid.UUID | None = None) -> Template:
    return Template(
        id=template_id or uuid.uuid4(),
        name="Dusk",
        category=category,
        prompt_template="{prompt}",
        style_params=StyleParams(family="dunes"),
        popularity_score=1,
        is_premium=False,
        created_at=NOW,
    )


def _mine(message: Any) -> UserTemplate:
    return UserTemplate(
        id=uuid.uuid4(),
        template_id=message.template_id,
        name=message.name,
        customizations=message.customizations,
        created_at=NOW,
    )


def _accepted(world: World, message: covers.GenerateCover, context: Context) -> CoverAccepted:
    if message.title == "over quota":
        raise OverQuota("All covers of this month are made.")
    if message.title == "unexpected":
        raise RuntimeError("secret text")
    task_id = uuid.uuid4()
    assert context.user_id is not None
    world.owners[task_id] = context.user_id
    return CoverAccepted(task_id=task_id, cover_id=uuid.uuid4(), status="queued")


def a_cover(cover_id: uuid.UUID) -> Cover:
    """A ready cover."""
    recipe = Recipe(
        prompt="p",
        template_id=uuid.uuid4(),
        template_name="Dusk",
        style_params=StyleParams(family="dunes"),
        model="painter",
        model_version="1",
        seed=7,
        width=1600,
        height=2560,
    )
    return Cover(
        cover_id=cover_id,
        task_id=uuid.uuid4(),
        status="ready",
        title="T",
        subtitle=None,
        author=None,
        format="ebook",
        recipe=recipe,
        created_at=NOW,
    )


def _image(world: World, message: covers.GetImage) -> ObjectRef:
    if message.cover_id not in world.images:
        raise Conflict("The cover is being made.")
    return world.images[message.cover_id]


def _export(export_id: uuid.UUID) -> Export:
    return Export(
        export_id=export_id,
        task_id=uuid.uuid4(),
        cover_id=uuid.uuid4(),
        title="T",
        status="ready",
        presets=("png",),
        created_at=NOW,
    )


def _file(world: World, message: exports.GetFile) -> StoredFile:
    found = world.files.get((message.export_id, message.name))
    if found is None:
        raise NotFound("This export has no file of that name.")
    return found


def _owned(world: World, task_id: uuid.UUID, context: Context) -> uuid.UUID:
    if task_id not in world.owners or world.owners[task_id] != context.user_id:
        raise NotFound("No such task.")
    return task_id


def _task(task_id: uuid.UUID) -> Task:
    return Task(task_id=task_id, type="generate", status="queued", step=None, progress=0.0, created_at=NOW)


def _letter(sequence: int) -> operations.DeadLetterOriginal:
    return operations.DeadLetterOriginal(
        sequence=sequence,
        subject=covers.PAINT.subject,
        reason="not_found",
        detail="Not found",
        deliveries=1,
        buried_at=NOW,
        age=1.0,
        task_id=None,
        size=2,
        context={},
        body=Raw(b"{}"),
        payload=None,
        complete=True,
    )


def _inspection(task_id: uuid.UUID) -> operations.TaskInspection:
    facts = structs.asdict(_task(task_id))
    return operations.TaskInspection(**facts, user_id=uuid.uuid4(), log=())


def _history(world: World, message: tasks.GetHistory, context: Context) -> History:
    entries = world.progress.get(_owned(world, message.task_id, context), [])
    ended = bool(entries) and entries[-1].status in ("succeeded", "failed", "cancelled")
    return History(entries=tuple(entry for entry in entries if entry.seq > message.after), ended=ended)


def _notification(notification_id: uuid.UUID) -> Notification:
    return Notification(
        id=notification_id, kind="welcome", title="Hello", body="", link=None, read_at=NOW, created_at=NOW
    )


__all__ = ["NODES", "NOW", "ServiceError", "World", "a_cover", "the_nodes"]
