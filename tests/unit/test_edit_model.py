"""The rules of edit sessions, pure: versions, undo, redo, checkout, and one operation at a time."""

import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.edits import Operate
from contracts.errors import Conflict, Invalid, KeyReused, NotFound
from contracts.wire import ObjectRef
from nodes.edits import model
from nodes.edits.state import Means, Pictures, Record, Wish
from nodes.edits.wishes import wanted

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SESSION, USER, COVER = (uuid.UUID(int=number) for number in (1, 2, 3))


def pictures(name: str) -> Pictures:
    """Pictures that can be told apart."""
    ref = ObjectRef(key=f"{name}/1", sha256="1" * 64, size=10, media_type="image/png")
    return Pictures(image=ref, thumbnail=msgspec.structs.replace(ref, key=f"{name}/2"))


def session() -> Record:
    """A session as it is opened."""
    return Record(
        session_id=SESSION,
        user_id=USER,
        cover_id=COVER,
        original=pictures("original"),
        original_image_url=model.image_url(SESSION, 0),
        created_at=AT,
    )


def brighter(amount: float = 0.5) -> Wish:
    """What an operation is to do."""
    return wanted(Operate(edit_id=SESSION, op="adjust", brightness=amount))


def task(number: int) -> uuid.UUID:
    """The id of a task."""
    return uuid.UUID(int=100 + number)


def done(record: Record) -> Record:
    """The session after one more operation."""
    mine = task(len(record.edit_history))
    held = model.held(record, brighter(), Means(), mine, AT)
    assert held is not None
    made = model.made(held, mine, pictures(str(mine)))
    assert made is not None
    after = model.completed(made, mine, AT)
    assert after is not None
    return after


def test_an_operation_adds_a_version_made_from_the_current_one() -> None:
    """Versions count up; the parent is what was current, also after an undo; only the values that change are kept."""
    record = done(model.undone(done(done(session()))))
    assert [(each.version, each.parent) for each in record.edit_history] == [(1, 0), (2, 1), (3, 1)]
    assert record.current_version == 3
    assert record.edit_history[0].params == {"brightness": 0.5}
    assert model.pictures(record) == record.edit_history[2].pictures
    assert model.pictures(record, 0) == record.original


def test_undo_goes_to_the_parent_and_redo_takes_it_back() -> None:
    """Twice back and twice forth ends where it began; the original has nothing to undo, the end nothing to redo."""
    record = done(done(session()))
    back = model.undone(model.undone(record))
    assert (back.current_version, back.redo) == (0, (2, 1))
    with pytest.raises(Conflict):
        model.undone(back)
    forth = model.redone(model.redone(back))
    assert (forth.current_version, forth.redo) == (2, ())
    with pytest.raises(Conflict):
        model.redone(forth)


def test_an_operation_and_a_checkout_end_what_can_be_redone() -> None:
    """After an undo and something new there is no redo, but every version is still there to check out."""
    undone = model.undone(done(done(session())))
    for after in (done(undone), model.checked_out(undone, 0)):
        with pytest.raises(Conflict):
            model.redone(after)
        assert model.checked_out(after, 2).current_version == 2


def test_checkout_of_what_is_current_changes_nothing() -> None:
    """Also what can be redone stays."""
    undone = model.undone(done(done(session())))
    assert model.checked_out(undone, 1) is undone


def test_a_version_that_does_not_exist() -> None:
    """checkout names the field; the picture of it is not found."""
    record = done(session())
    with pytest.raises(Invalid) as refused:
        model.checked_out(record, 2)
    assert [error.field for error in refused.value.errors] == ["version"]
    with pytest.raises(NotFound):
        model.pictures(record, 2)


def test_while_an_operation_runs_nothing_else_may_change() -> None:
    """A second operation, undo, redo and checkout are conflicts; the same task again is none and changes nothing."""
    held = model.held(model.undone(done(done(session()))), brighter(), Means(), task(9), AT)
    assert held is not None
    with pytest.raises(Conflict):
        model.held(held, brighter(), Means(), task(10), AT)
    for rule in (model.undone, model.redone, partial(model.checked_out, version=0)):
        with pytest.raises(Conflict):
            rule(held)
    assert model.held(held, brighter(), Means(), task(9), AT) is None
    assert (model.version_of(held, task(9)), held.current_version) == (3, 1)
    with pytest.raises(KeyReused):
        model.held(held, brighter(0.1), Means(), task(9), AT)


def test_an_operation_that_failed_leaves_the_session_as_it_was() -> None:
    """Released: idle, same version and history, the redo too; its task is not done again, and a late picture is not
    taken."""
    before = model.undone(done(session()))
    held = model.held(before, brighter(), Means(), task(9), AT)
    assert held is not None
    after = model.released(held, task(9))
    assert after is not None
    assert (after.running, after.current_version, after.redo, len(after.edit_history)) == (None, 0, (1,), 1)
    assert model.released(after, task(9)) is None
    assert model.held(after, brighter(), Means(), task(9), AT) is None
    assert model.noted(after, task(9), ("a/1",)) is None
    assert model.made(after, task(9), pictures("late")) is None
    with pytest.raises(Conflict):
        model.completed(after, task(9), AT)


def test_a_release_that_comes_before_its_operation_is_remembered() -> None:
    """A discard that overtakes apply: the operation under way is another one and goes on."""
    held = model.held(session(), brighter(), Means(), task(1), AT)
    assert held is not None
    after = model.released(held, task(2))
    assert after is not None
    assert after.running == held.running
    assert task(2) in after.without


def test_completing_is_done_once() -> None:
    """Again nothing changes, and a late release does not take the version back."""
    record = done(session())
    assert model.completed(record, task(0), AT) is None
    assert model.released(record, task(0)) is None


def test_objects_are_noted_once_each_and_forgotten_with_their_task() -> None:
    """Keys stay while the task is remembered; a session with many failures does not grow for ever."""
    record = session()
    for number in range(model.REMEMBERED + 5):
        held = model.held(record, brighter(), Means(), task(number), AT)
        assert held is not None
        noted = model.noted(held, task(number), ("a/1", "a/2", "a/1"))
        assert noted is not None
        assert noted.objects[str(task(number))] == ("a/1", "a/2")
        released = model.released(noted, task(number))
        assert released is not None
        record = released
    assert len(record.without) == len(record.objects) == model.REMEMBERED


def test_a_full_session_takes_no_more() -> None:
    """So that a page of sessions fits into a message."""
    record = session()
    for _ in range(model.MOST_VERSIONS):
        record = done(record)
    with pytest.raises(Conflict):
        model.held(record, brighter(), Means(), task(99), AT)


@pytest.mark.parametrize("op", ["paint", "crop"])
def test_an_operation_that_is_not_there_is_named_with_those_that_are(op: str) -> None:
    """The refusal names the field and says what may be asked for."""
    with pytest.raises(Invalid) as refused:
        wanted(Operate(edit_id=SESSION, op=op))
    assert [(error.field, "adjust" in error.detail) for error in refused.value.errors] == [("op", True)]


def test_an_adjustment_of_nothing_is_refused() -> None:
    """All values 0."""
    with pytest.raises(Invalid) as refused:
        wanted(Operate(edit_id=SESSION, op="adjust"))
    assert "brightness" in refused.value.errors[0].detail


@given(st.lists(st.sampled_from(["do", "undo", "redo", "out0", "out1", "out2", "fail"]), max_size=30))
def test_whatever_is_done_the_session_stays_sound(steps: list[str]) -> None:
    """The current version exists, every parent is older than its child, redo leads to what was undone, `rev` grows."""
    record = session()
    for number, step in enumerate(steps):
        before = record
        try:
            if step == "do":
                record = done(record)
            elif step == "fail":
                held = model.held(record, brighter(), Means(), task(1000 + number), AT + timedelta(seconds=number))
                record = model.released(held, task(1000 + number)) or record if held else record
            elif step in ("undo", "redo"):
                record = (model.undone if step == "undo" else model.redone)(record)
            else:
                record = model.checked_out(record, int(step[3:]))
        except (Conflict, Invalid):
            assert record is before
        assert 0 <= record.current_version <= len(record.edit_history)
        assert all(each.parent < each.version for each in record.edit_history)
        assert [each.version for each in record.edit_history] == list(range(1, len(record.edit_history) + 1))
        assert record is before or record.rev > before.rev
        if step == "undo" and record is not before:
            assert model.redone(record).current_version == before.current_version


MASK = uuid.UUID(int=9)


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"op": "blur_all"}, "op"),
        ({"op": "adjust"}, "op"),
        ({"op": "expand", "seed": 4, "prompt": "more sea"}, "op"),
        ({"op": "inpaint", "prompt": "a boat"}, "mask_upload_id"),
        ({"op": "erase"}, "mask_upload_id"),
        ({"op": "replace", "mask_upload_id": MASK}, "prompt"),
        ({"op": "replace", "mask_upload_id": MASK, "prompt": "  "}, "prompt"),
    ],
)
def test_what_an_operation_lacks_is_named(order: dict[str, Any], field: str) -> None:
    """Each operation says which field it needs."""
    with pytest.raises(Invalid) as refused:
        wanted(Operate(edit_id=SESSION, **order))
    assert [error.field for error in refused.value.errors] == [field]


def test_an_operation_keeps_only_what_it_takes() -> None:
    """What belongs to another operation is left out, and a seed of 0 is a seed."""
    order = Operate(edit_id=SESSION, op="erase", prompt="a boat", mask_upload_id=MASK, brightness=0.5, seed=0, left=9)
    assert wanted(order) == Wish(op="erase", params={}, mask_upload_id=MASK)
    assert wanted(msgspec.structs.replace(order, op="inpaint")).params == {"seed": 0.0}
    grown = wanted(msgspec.structs.replace(order, op="expand"))
    assert (grown.params, grown.prompt, grown.mask_upload_id) == ({"seed": 0.0, "left": 9.0}, "a boat", None)
