"""Edit sessions: the requests of the edits node on a real bus and a real database, beside a real covers node."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from contracts import covers, edits
from contracts.covers import MOST_VERSIONS
from contracts.errors import Conflict, Forbidden, Invalid, KeyReused, NotFound, Unauthenticated
from contracts.wire import Endpoint
from tests.support.covers_world import asks
from tests.support.edits_world import EditWorld, an_edit_world, lightness
from tests.support.servers import MongoDatabase

SIZES: tuple[Literal["full"], Literal["thumb"]] = ("full", "thumb")


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[EditWorld]:
    async with an_edit_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


async def test_a_session_begins_with_the_covers_picture(world: EditWorld) -> None:
    """Version 0 is the newest picture of the cover, and nothing can be undone or redone."""
    cover = await world.cover()
    session = await world.open(cover)
    assert (session.cover_id, session.current_version, session.edit_history) == (cover.cover_id, 0, ())
    assert (session.can_undo, session.can_redo, session.running_task_id) == (False, False, None)
    ask = edits.GetEditImage(edit_id=session.edit_id)
    assert (await world.world.bus.request(edits.IMAGE, ask, asks())).key == await world.world.image(cover)
    stored = await world.documents.find_one({"session_id": session.edit_id})
    assert stored is not None
    assert {"session_id", "user_id", "original_image_url", "edit_history", "current_version", "created_at"} <= set(
        stored
    )


async def test_what_cannot_be_edited(world: EditWorld) -> None:
    """A cover that is being made is a conflict, one that does not exist is not found, and nobody is told to say who."""
    accepted = await world.world.generate()
    with pytest.raises(Conflict):
        await world.open(accepted)
    missing = edits.OpenEdit(cover_id=uuid.uuid4())
    with pytest.raises(NotFound):
        await world.world.bus.request(edits.OPEN, missing, asks())
    with pytest.raises(Unauthenticated):
        await world.world.bus.request(edits.OPEN, missing, asks(None))
    assert await world.documents.count_documents({}) == 0


async def test_the_same_key_opens_the_same_session(world: EditWorld) -> None:
    """Also at the same time; for another cover it is refused."""
    cover, other = await world.cover(), await world.cover()
    context = msgspec.structs.replace(asks(), idempotency_key="k")
    order = edits.OpenEdit(cover_id=cover.cover_id)
    sessions = await asyncio.gather(*(world.world.bus.request(edits.OPEN, order, context) for _ in range(4)))
    assert len({each.edit_id for each in sessions}) == 1
    with pytest.raises(KeyReused):
        await world.world.bus.request(edits.OPEN, edits.OpenEdit(cover_id=other.cover_id), context)


async def test_an_operation_begins_a_task(world: EditWorld) -> None:
    """The task is for this session and cover, with what was asked for; the session says that it is under way."""
    session = await world.open()
    accepted = await world.operate(session, brightness=0.5, warmth=-0.25)
    assert (accepted.edit_id, accepted.version, accepted.status) == (session.edit_id, 1, "queued")
    order = world.world.neighbours.created[accepted.task_id]
    assert (order.type, order.work_id, order.cover_id) == ("edit", session.edit_id, session.cover_id)
    assert order.input_params == {"op": "adjust", "brightness": 0.5, "warmth": -0.25}
    assert (await world.get(session)).running_task_id == accepted.task_id


async def test_two_operations_at_once(world: EditWorld) -> None:
    """One wins, the others are told that the session is busy; so are undo, redo, checkout and delete."""
    session = await world.open()
    await world.done(session)
    results = await asyncio.gather(*(world.operate(session) for _ in range(5)), return_exceptions=True)
    won = [each for each in results if isinstance(each, edits.OperationAccepted)]
    assert (len(won), sum(isinstance(each, Conflict) for each in results)) == (1, 4)
    assert (await world.get(session)).running_task_id == won[0].task_id
    assert len(world.world.neighbours.created) == 3  # the cover's, the first edit's, and the winner's
    for endpoint, order in orders(session.edit_id):
        if endpoint.word in ("undo", "redo", "checkout", "delete"):
            with pytest.raises(Conflict):
                await world.world.bus.request(endpoint, order, asks())


async def test_the_same_key_is_the_same_operation(world: EditWorld) -> None:
    """While it runs and after it is done; with other values it is refused and harms nothing."""
    session = await world.open()
    accepted = await world.operate(session, key="k", brightness=0.5)
    assert await world.operate(session, key="k", brightness=0.5) == accepted
    with pytest.raises(KeyReused):
        await world.operate(session, key="k", brightness=0.1)
    await world.do(edits.APPLY, accepted, "apply")
    await world.do(edits.COMPLETE, accepted, "complete")
    assert (await world.operate(session, key="k", brightness=0.5)).version == 1
    after = await world.get(session)
    assert (after.running_task_id, len(after.edit_history)) == (None, 1)


@pytest.mark.parametrize(
    ("op", "values"), [("sharpen_all", {"brightness": 0.5}), ("adjust", {}), ("expand", {"seed": 3})]
)
async def test_operations_that_make_no_sense(world: EditWorld, op: str, values: dict[str, Any]) -> None:
    """422 with the field and what there is; no task, and the session is free."""
    session = await world.open()
    with pytest.raises(Invalid) as refused:
        await world.world.bus.request(edits.OPERATE, edits.Operate(edit_id=session.edit_id, op=op, **values), asks())
    assert [error.field for error in refused.value.errors] == ["op"]
    assert len(world.world.neighbours.created) == 1
    assert (await world.get(session)).running_task_id is None


async def test_a_task_that_is_refused_leaves_the_session_free(world: EditWorld) -> None:
    """A definite refusal of the tasks node is passed on, and the next operation may begin."""
    session = await world.open()
    world.world.neighbours.create_error = Forbidden("no")
    with pytest.raises(Forbidden):
        await world.operate(session)
    world.world.neighbours.create_error = None
    assert (await world.operate(session)).version == 1


async def test_another_users_session_is_not_found(world: EditWorld) -> None:
    """By any endpoint; the list is empty."""
    session = await world.open()
    stranger = asks(uuid.UUID(int=9))
    for endpoint, order in orders(session.edit_id):
        with pytest.raises(NotFound):
            await world.world.bus.request(endpoint, order, stranger)
    assert (await world.world.bus.request(edits.LIST, edits.ListEdits(), stranger)).items == ()
    assert (await world.get(session)) == session


async def test_the_list_has_every_session_once(world: EditWorld) -> None:
    """Page by page, newest first, with its history."""
    cover = await world.cover()
    opened = [await world.open(cover) for _ in range(5)]
    await world.done(opened[0])
    seen: list[edits.EditSession] = []
    cursor = None
    while True:
        page = await world.world.bus.request(edits.LIST, edits.ListEdits(limit=2, cursor=cursor), asks())
        seen += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert [each.edit_id for each in seen] == [each.edit_id for each in reversed(opened)]
    assert [len(each.edit_history) for each in seen] == [0, 0, 0, 0, 1]


async def test_a_saved_version_is_a_copy_that_belongs_to_the_cover(world: EditWorld) -> None:
    """The cover gets version 2, shows it, and keeps it when the session is deleted; saving twice saves once."""
    session = await world.open()
    accepted = await world.done(session)
    save = edits.SaveEdit(edit_id=session.edit_id)
    saved = await asyncio.gather(*(world.world.bus.request(edits.SAVE, save, asks()) for _ in range(3)))
    assert {(each.version, each.cover_version) for each in saved} == {(1, 2)}
    cover = await world.cover_now(session)
    assert [(each.version, each.edit_id, each.edit_version) for each in cover.versions] == [
        (1, None, None),
        (2, session.edit_id, 1),
    ]
    await world.world.bus.request(edits.DELETE, edits.DeleteEdit(edit_id=session.edit_id), asks())
    assert world.files(accepted.task_id) == set()
    first, second = cover.versions
    full, small = (covers.GetImage(cover_id=cover.cover_id, size=size) for size in SIZES)
    for ask, before, after in ((full, first.image, second.image), (small, first.thumbnail, second.thumbnail)):
        assert await world.world.bus.request(covers.IMAGE, ask, asks()) == after
        brightness = [lightness(await world.objects.get(ref)) for ref in (before, after)]
        assert brightness[1] > brightness[0] + 20


async def test_the_original_can_be_saved_again(world: EditWorld) -> None:
    """Back to version 0 and saved: a third version of the cover with the picture of the first."""
    session = await world.open()
    await world.done(session)
    save = edits.SaveEdit(edit_id=session.edit_id)
    await world.world.bus.request(edits.SAVE, save, asks())
    await world.world.bus.request(edits.UNDO, edits.UndoEdit(edit_id=session.edit_id), asks())
    assert (await world.world.bus.request(edits.SAVE, save, asks())).cover_version == 3
    versions = (await world.cover_now(session)).versions
    assert versions[2].image.sha256 == versions[0].image.sha256


async def test_a_cover_takes_so_many_versions(world: EditWorld) -> None:
    """Beyond them saving is a conflict, and nothing of it stays."""
    session = await world.open()
    await world.done(session)
    bus, save = world.world.bus, edits.SaveEdit(edit_id=session.edit_id)
    for number in range(2, MOST_VERSIONS + 1):
        assert (await bus.request(edits.SAVE, save, asks())).cover_version == number
        await bus.request(edits.CHECKOUT, edits.CheckoutEdit(edit_id=session.edit_id, version=number % 2), asks())
    assert session.cover_id is not None
    files = world.files(session.cover_id)
    with pytest.raises(Conflict):
        await bus.request(edits.SAVE, save, asks())
    assert world.files(session.cover_id) == files
    assert len((await world.cover_now(session)).versions) == MOST_VERSIONS


async def test_a_cover_that_is_gone(world: EditWorld) -> None:
    """Its session cannot be saved, and the copy leaves nothing; deleting a cover takes its saved versions along."""
    cover = await world.cover()
    session = await world.open(cover)
    await world.done(session)
    await world.world.bus.request(edits.SAVE, edits.SaveEdit(edit_id=session.edit_id), asks())
    assert len(world.files(cover.cover_id)) == 4
    await world.world.delete(cover)
    assert world.files(cover.cover_id) == set()
    with pytest.raises(NotFound):
        await world.world.bus.request(edits.SAVE, edits.SaveEdit(edit_id=session.edit_id), asks())
    assert world.files(cover.cover_id) == set()


def orders(edit_id: uuid.UUID) -> tuple[tuple[Endpoint[Any, Any], Any], ...]:
    """A request to each endpoint that is about one session."""
    return (
        (edits.GET, edits.GetEdit(edit_id=edit_id)),
        (edits.OPERATE, edits.Operate(edit_id=edit_id, op="adjust", brightness=0.5)),
        (edits.UNDO, edits.UndoEdit(edit_id=edit_id)),
        (edits.REDO, edits.RedoEdit(edit_id=edit_id)),
        (edits.CHECKOUT, edits.CheckoutEdit(edit_id=edit_id, version=0)),
        (edits.IMAGE, edits.GetEditImage(edit_id=edit_id)),
        (edits.SAVE, edits.SaveEdit(edit_id=edit_id)),
        (edits.DELETE, edits.DeleteEdit(edit_id=edit_id)),
    )


def test_every_endpoint_about_one_session_is_tried() -> None:
    """The table above has all that are asked with a session's id."""
    about_one = {each.subject for each in edits.CONTRACTS if isinstance(each, Endpoint)} - {
        edits.OPEN.subject,
        edits.LIST.subject,
    }
    assert {endpoint.subject for endpoint, _ in orders(uuid.uuid4())} == about_one
