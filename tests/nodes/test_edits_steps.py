"""The edits node's steps of the saga: done once, undone at any time, with pixels measured."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from adapters.mongo import now
from contracts import auth, edits, tasks
from contracts.errors import Conflict, NotFound, Unauthenticated
from contracts.wire import Context
from tests.support.covers_world import USER, asks
from tests.support.edits_world import EditWorld, an_edit_world
from tests.support.servers import MongoDatabase


@pytest.fixture
async def world(nats_url: str, mongo_database: MongoDatabase, tmp_path: Path) -> AsyncIterator[EditWorld]:
    async with an_edit_world(nats_url, mongo_database, tmp_path / "art") as world:
        yield world


async def test_a_brighter_picture(world: EditWorld) -> None:
    """The new version is current, really brighter, and the original is as it was; its entry says how it was made."""
    session = await world.open()
    before = await world.lightness(session)
    accepted = await world.done(session, brightness=0.5)
    after = await world.get(session)
    assert (after.current_version, after.running_task_id, after.can_undo) == (1, None, True)
    assert await world.lightness(session) > before + 20
    assert await world.lightness(session, 0) == before
    entry = after.edit_history[0]
    assert (entry.op, entry.params, entry.task_id) == ("adjust", {"brightness": 0.5}, accepted.task_id)
    assert after.image_url == entry.image_url == f"/v1/edits/{session.edit_id}/image?version=1"


async def test_undo_redo_and_checkout_change_what_is_shown(world: EditWorld) -> None:
    """Each shows the picture of its version; an operation after an undo is made from the older one."""
    session = await world.open()
    await world.done(session, brightness=0.5)
    await world.done(session, brightness=-0.9)
    bright, dark = await world.lightness(session, 1), await world.lightness(session, 2)
    assert dark < bright
    bus, edit_id = world.world.bus, session.edit_id
    assert (await bus.request(edits.UNDO, edits.UndoEdit(edit_id=edit_id), asks())).current_version == 1
    assert await world.lightness(session) == bright
    assert (await bus.request(edits.REDO, edits.RedoEdit(edit_id=edit_id), asks())).current_version == 2
    assert await world.lightness(session) == dark
    with pytest.raises(Conflict):
        await bus.request(edits.REDO, edits.RedoEdit(edit_id=edit_id), asks())
    await bus.request(edits.CHECKOUT, edits.CheckoutEdit(edit_id=edit_id, version=1), asks())
    await world.done(session, brightness=0.2)
    after = await world.get(session)
    assert [(each.version, each.parent) for each in after.edit_history] == [(1, 0), (2, 1), (3, 1)]
    assert await world.lightness(session) > bright


async def test_the_same_step_again_changes_nothing(world: EditWorld) -> None:
    """Repeated applies and completes make no objects and no versions, also when they come late."""
    session = await world.open()
    accepted = await world.operate(session)
    first = await world.do(edits.APPLY, accepted, "apply")
    assert first is not None
    assert (first.problem, len(first.images)) == (None, 1)
    files = world.files(accepted.task_id)
    assert (len(files), first.images[0].key in files) == (2, True)
    for queue, step in ((edits.APPLY, "apply"), (edits.COMPLETE, "complete"), (edits.COMPLETE, "complete")):
        await world.do(queue, accepted, step)
    await world.do(edits.APPLY, accepted, "apply")
    assert world.files(accepted.task_id) == files
    assert [each.version for each in (await world.get(session)).edit_history] == [1]


async def test_two_operations_with_the_same_values_share_no_object(world: EditWorld) -> None:
    """Undoing the second of two that give the same bytes leaves the picture of the first."""
    session = await world.open()
    await world.done(session, brightness=0.5)
    await world.world.bus.request(edits.UNDO, edits.UndoEdit(edit_id=session.edit_id), asks())
    again = await world.operate(session, brightness=0.5)
    await world.do(edits.APPLY, again, "apply")
    await world.do(edits.DISCARD, again, "apply/undo")
    assert await world.lightness(session, 1) > await world.lightness(session, 0)


async def test_a_discarded_operation_leaves_the_session_as_it_was(world: EditWorld) -> None:
    """Version and history as before, no objects, and it stays so however late its steps come."""
    session = await world.open()
    await world.done(session)
    before = await world.get(session)
    accepted = await world.operate(session, contrast=0.5)
    await world.do(edits.APPLY, accepted, "apply")
    undone = await world.do(edits.DISCARD, accepted, "apply/undo")
    assert undone is not None
    assert (undone.step, undone.problem) == ("apply/undo", None)
    for queue, step in ((edits.DISCARD, "apply/undo"), (edits.APPLY, "apply")):
        await world.do(queue, accepted, step)
    assert await world.get(session) == before
    assert world.files(accepted.task_id) == set()
    late = await world.do(edits.COMPLETE, accepted, "complete")
    assert late is not None
    assert late.problem is not None
    assert late.problem.code == "conflict"
    assert await world.get(session) == before


async def test_cancelling_while_the_picture_is_put_leaves_nothing(world: EditWorld) -> None:
    """An apply that is overtaken by its undoing throws away what it made."""
    session = await world.open()
    accepted = await world.operate(session)
    world.objects.gate.clear()
    world.objects.waiting.clear()
    await world.send(edits.APPLY, accepted, "apply")
    async with asyncio.timeout(10):
        await world.objects.waiting.wait()
    await world.send(edits.DISCARD, accepted, "apply/undo")
    async with asyncio.timeout(5):
        assert (await world.world.neighbours.reports.get()).step == "apply/undo"
    world.objects.gate.set()
    await world.world.idle()
    assert world.world.neighbours.reports.get_nowait().images == ()
    assert world.files(accepted.task_id) == set()
    assert (await world.get(session)).current_version == 0


async def test_what_a_crash_left_behind_an_undoing_is_removed(world: EditWorld) -> None:
    """A worker that died after putting its picture, when undoing had been before: the next delivery cleans up."""
    session = await world.open()
    accepted = await world.operate(session)
    report = await world.do(edits.APPLY, accepted, "apply")
    assert report is not None
    data = await world.objects.get(report.images[0])
    await world.do(edits.DISCARD, accepted, "apply/undo")
    await world.objects.put(str(accepted.task_id), data, "image/png")
    assert world.files(accepted.task_id) == {report.images[0].key}
    await world.do(edits.APPLY, accepted, "apply")
    assert world.files(accepted.task_id) == set()


async def test_a_picture_that_is_gone_fails_the_step(world: EditWorld) -> None:
    """The cover was deleted: final, and told to tasks in words for its user."""
    cover = await world.cover()
    session = await world.open(cover)
    accepted = await world.operate(session)
    await world.world.delete(cover)
    report = await world.do(edits.APPLY, accepted, "apply")
    assert report is not None
    assert report.problem is not None
    assert (report.problem.code, report.problem.detail) == ("not_found", "This file is not there any more.")


@pytest.mark.parametrize(("status", "free"), [("failed", True), ("cancelled", True), ("succeeded", False)])
async def test_a_task_that_ends_without_success_frees_its_session(world: EditWorld, status: str, *, free: bool) -> None:
    """Also when it never set out, so that there was nothing to discard; success alone is told by the last step."""
    session = await world.open()
    accepted = await world.operate(session)
    await finish(world, accepted, status)
    await world.world.idle()
    async with asyncio.timeout(5):
        while free and (await world.get(session)).running_task_id is not None:
            await asyncio.sleep(0.02)
    assert ((await world.get(session)).running_task_id is None) is free
    if free:
        assert (await world.operate(session)).version == 1


async def finish(world: EditWorld, accepted: edits.OperationAccepted, status: str) -> None:
    """The tasks node says that the task has ended."""
    event = {
        "task_id": accepted.task_id,
        "user_id": USER,
        "type": "edit",
        "status": status,
        "cover_id": None,
        "created_at": now(),
        "completed_at": now(),
    }
    message = msgspec.convert(event, tasks.TaskFinished)
    await world.world.bus.publish(tasks.FINISHED, message, message_id=uuid.uuid4().hex)


async def test_operations_without_a_task_are_taken_back(world: EditWorld) -> None:
    """Old ones that tasks does not know; one that it knows stays, however old."""
    orphaned, known = await world.open(), await world.open()
    for session in (orphaned, known):
        await world.operate(session)
    accepted = (await world.get(orphaned)).running_task_id
    assert accepted is not None
    del world.world.neighbours.created[accepted]
    await world.service.take_back_orphans()
    assert (await world.get(orphaned)).running_task_id == accepted, "it is young"
    old = now().replace(year=2025)
    await world.documents.update_many({}, {"$set": {"running.since": old}})
    await world.service.take_back_orphans()
    assert (await world.get(orphaned)).running_task_id is None
    assert (await world.get(known)).running_task_id is not None


async def test_the_end_of_an_account(world: EditWorld) -> None:
    """Sessions and pictures go, of busy ones too; a late step leaves nothing, and nothing new can be opened."""
    cover = await world.cover()
    idle, busy = await world.open(cover), await world.open(cover)
    done = await world.done(idle)
    accepted = await world.operate(busy)
    world.objects.gate.clear()
    world.objects.waiting.clear()
    await world.send(edits.APPLY, accepted, "apply")
    async with asyncio.timeout(10):
        await world.objects.waiting.wait()
    gone = auth.AccountDeleted(user_id=USER, deleted_at=now())
    await world.service.account_deleted(gone, Context.new())
    assert world.files(done.task_id) == set()
    world.objects.gate.set()
    await world.world.idle()
    assert world.files(accepted.task_id) == set()
    left = await world.documents.find({}).to_list(None)
    assert {name for each in left for name in each} <= {
        *("_id", "session_id", "user_id", "objects", "rev", "created_at", "deleted_at")
    }
    with pytest.raises(NotFound):
        await world.get(idle)
    await world.documents.update_many({}, {"$set": {"deleted_at": now().replace(year=2025)}})
    await world.service.empty_deleted()
    assert await world.documents.count_documents({}) == 0


async def test_who_is_gone_opens_nothing(world: EditWorld) -> None:
    """An access token that outlived the account leaves no session."""
    cover = await world.cover()
    await world.world.database["deleted_users"].insert_one({"_id": USER, "at": now()})
    with pytest.raises(Unauthenticated):
        await world.open(cover)
    assert await world.documents.count_documents({}) == 0


async def test_a_deleted_session(world: EditWorld) -> None:
    """Its pictures go at once, the last of it later; the cover keeps its own."""
    cover = await world.cover()
    session = await world.open(cover)
    accepted = await world.done(session)
    await world.world.bus.request(edits.DELETE, edits.DeleteEdit(edit_id=session.edit_id), asks())
    assert world.files(accepted.task_id) == set()
    assert len(world.files(cover.cover_id)) == 2
    with pytest.raises(NotFound):
        await world.get(session)
