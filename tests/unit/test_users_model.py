"""The rules of profiles and of the quota."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.auth import Username
from contracts.errors import Invalid, NotFound, OverQuota, Unauthenticated
from contracts.wire import Context
from nodes.users.model import (
    Allowance,
    Reservation,
    Settled,
    caller,
    checked_name,
    checked_url,
    checked_username,
    found,
    month_after,
    month_of,
    settled,
    uncounted,
    username_candidates,
)

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
TASK, USER = uuid.UUID(int=1), uuid.UUID(int=2)


def allowance(used: int = 0, reserved: int = 0, limit: int = 10) -> Allowance:
    """The counters of November."""
    return Allowance(tier="free", used=used, reserved=reserved, limit=limit, resets_at=DECEMBER)


def reservation(state: str = "reserved", amount: int = 1, period: datetime = NOVEMBER) -> Reservation:
    """A reservation of November."""
    raw = {"task_id": TASK, "user_id": USER, "amount": amount, "state": state, "period": period}
    return msgspec.convert(raw, Reservation)


def counters(state: Allowance) -> tuple[int, int]:
    """(used, reserved)."""
    return state.used, state.reserved


def test_months() -> None:
    """Months are UTC, also for a time told in another zone, and December is followed by January."""
    assert month_of(datetime(2026, 11, 30, 23, 59, 59, 999999, UTC)) == NOVEMBER
    east = datetime(2026, 12, 1, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert month_of(east) == NOVEMBER
    assert month_after(NOVEMBER) == DECEMBER
    assert month_after(datetime(2026, 12, 31, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_after(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2028, 3, 1, tzinfo=UTC)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 -- the strategy wants naive bounds
def test_months_have_no_gaps(at: datetime) -> None:
    """Every moment is in one month, and the period of an allowance is the month before its reset."""
    assert month_of(at) <= at < month_after(at)
    assert month_of(month_after(at)) == month_after(at)
    assert msgspec.structs.replace(allowance(), resets_at=month_after(at)).period == month_of(at)


def test_reset_exactly_at_the_boundary() -> None:
    """The last moment of the month still counts; the first of the next one begins anew."""
    full = allowance(used=8, reserved=2)
    assert full.at(DECEMBER - timedelta(microseconds=1)) == full
    fresh = full.at(DECEMBER)
    assert counters(fresh) == (0, 0)
    assert fresh.resets_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert fresh.period == DECEMBER


def test_reset_after_a_long_absence() -> None:
    """Somebody who comes back after months gets the present month."""
    assert allowance(used=10).at(datetime(2027, 5, 17, tzinfo=UTC)).resets_at == datetime(2027, 6, 1, tzinfo=UTC)


def test_a_clock_that_is_behind_does_not_go_back() -> None:
    """Another instance, whose clock is behind, does not bring the old month back."""
    fresh = allowance(used=3).at(DECEMBER)
    assert fresh.at(DECEMBER - timedelta(seconds=2)) == fresh


def test_reserve_up_to_the_limit() -> None:
    """What is reserved counts against the limit like what is used; the sentence says when new covers come."""
    assert counters(allowance(used=7, reserved=2).reserve(1)) == (7, 3)
    with pytest.raises(OverQuota, match=r"All 10 covers .* come on December 1\."):
        allowance(used=7, reserved=3).reserve(1)
    with pytest.raises(OverQuota):
        allowance(used=7, reserved=1).reserve(3)


@pytest.mark.parametrize(
    ("state", "to", "expected", "changed"),
    [
        ("reserved", "committed", (4, 1), True),
        ("reserved", "released", (2, 1), True),
        ("released", "committed", (4, 3), True),
        ("committed", "released", (2, 3), False),
        ("committed", "committed", (2, 3), False),
        ("released", "released", (2, 3), False),
    ],
)
def test_settlements(state: str, to: Settled, expected: tuple[int, int], changed: bool) -> None:
    """Every pair of states: what is made counts once, what is not made is given back once, nothing is taken back."""
    after, did = settled(allowance(used=2, reserved=3), reservation(state, amount=2), to)
    assert (counters(after), did) == (expected, changed)


def test_settling_a_reservation_of_last_month() -> None:
    """The new month's counters do not know it, but the reservation itself is settled."""
    now = allowance(used=9, reserved=1).at(DECEMBER).reserve(1)
    assert settled(now, reservation(), "committed") == (now, True)
    assert settled(now, reservation(), "released") == (now, True)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["reserve", "committed", "released"]))))
def test_counters_never_leave_their_bounds(steps: list[tuple[int, str]]) -> None:
    """Whatever is done in whatever order: nothing negative, no reservation above the limit, counters equal the rows."""
    state, rows = allowance(limit=3), dict[int, str]()
    for task, action in steps:
        known = rows.get(task)
        if action == "reserve" and known in (None, "released"):
            try:
                state = state.reserve(1)
            except OverQuota:
                assert state.used + state.reserved >= 3
                continue
            rows[task] = "reserved"
        elif action in ("committed", "released") and known is not None:
            state, changed = settled(state, reservation(known), msgspec.convert(action, Settled))
            rows[task] = action if changed else known
        assert state.used == list(rows.values()).count("committed")
        assert state.reserved == list(rows.values()).count("reserved")


@pytest.mark.parametrize(
    ("used", "reserved", "carried", "completed", "missing"),
    [(3, 0, 0, 3, 0), (2, 0, 0, 3, 1), (2, 1, 0, 3, 0), (2, 0, 1, 3, 0), (5, 0, 0, 3, 0), (0, 0, 0, 4, 4)],
)
def test_uncounted(used: int, reserved: int, carried: int, completed: int, missing: int) -> None:
    """Only covers that are in no count are missing; deleted covers give nothing back."""
    assert uncounted(allowance(used, reserved), carried, completed) == missing


@pytest.mark.parametrize(
    ("email", "first"),
    [
        ("ada.lovelace@example.org", "ada.lovelace"),
        ("Ada+books@example.org", "Ada"),
        ("zoë@example.org", "zoe"),
        ("..dots@example.org", "dots"),
        ("o'brien@example.org", "obrien"),
        ("x" * 60 + "@example.org", "x" * 40),
    ],
)
def test_username_from_the_address(email: str, first: str) -> None:
    """The part before the at sign, made of what a username may have."""
    assert username_candidates(email, USER)[0] == first


@given(st.text(max_size=60), st.uuids())
def test_username_candidates_are_usernames(local: str, user_id: uuid.UUID) -> None:
    """Every candidate of any address is a good username, and the last has the whole id in it."""
    names = username_candidates(f"{local}@example.org", user_id)
    for name in names:
        assert msgspec.convert(name, Username) == checked_username(name)
    assert names[-1].endswith(user_id.hex)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["ab", "ada\n", ".ada", "a da", "ad\x00a", "a" * 41, "ädä"])
def test_bad_usernames(name: str) -> None:
    """The field is named in the error."""
    with pytest.raises(Invalid) as caught:
        checked_username(name)
    assert [error.field for error in caught.value.errors] == ["username"]


def test_full_names() -> None:
    """Any script is welcome; spaces around go, control characters are refused, None stays None."""
    assert checked_name("  Ада Лавлейс ") == "Ада Лавлейс"
    assert checked_name(None) is None
    for bad in ("  ", "a\x00b", "a\nb", "a\u2028b"):
        with pytest.raises(Invalid):
            checked_name(bad)


def test_urls() -> None:
    """An address has no spaces and no control characters."""
    assert checked_url("https://example.org/a.png?x=1") == "https://example.org/a.png?x=1"
    assert checked_url(None) is None
    for bad in (
        "https://example.org/a b",
        "https://example.org/\x00",
        "https://example.org/a\n",
        "javascript:alert(1)",
    ):
        with pytest.raises(Invalid):
            checked_url(bad)


def test_caller_and_found() -> None:
    """Nobody is not a caller, and nothing is not found."""
    assert caller(Context(request_id="r", user_id=USER)) == USER
    assert found(0) == 0
    with pytest.raises(Unauthenticated):
        caller(Context(request_id="r"))
    with pytest.raises(NotFound):
        found(None)


@pytest.mark.parametrize(("made", "used"), [(0, 2), (3, 5), (4, 6), (9, 6), (None, 6)])
def test_of_a_reservation_only_what_was_made_is_counted(made: int | None, used: int) -> None:
    """The rest is given back; never more is counted than was held."""
    after, did = settled(allowance(used=2, reserved=4), reservation(amount=4), "committed", made)
    assert (counters(after), did) == ((used, 0), True)
