"""The operator's view of dead letters, through the command, on a real server."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from adapters.nats import dead_letters
from adapters.nats.bus import Bus
from adapters.nats.dead_letters import Depth, Letter
from adapters.nats.graveyard import MaxDeliveries, Undertaker, bury
from contracts import covers, notifications
from contracts.errors import NotFound, Unavailable
from contracts.wire import Context
from nodes.bindings import work
from ops.cli import main
from ops.commands.dead import ago, printable
from tests.support.buses import SmallService, a_bus, a_node

Run = Callable[..., Awaitable[tuple[int, str, str]]]
PAINT, SEND = covers.PAINT.subject, notifications.SEND.subject


@pytest_asyncio.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """A bus with all streams."""
    async with a_bus(nats_url, streams=True) as opened:
        yield opened


@pytest.fixture
def dead(nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`covergen dead ...` as the operator runs it: its exit code, output and errors."""
    monkeypatch.setenv("COVERGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COVERGEN_NATS_URL", nats_url)

    async def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = await asyncio.to_thread(main, ("dead", *arguments))
        return code, *capfd.readouterr()

    return run


async def a_letter(
    bus: Bus, number: int, subject: str = SEND, body: bytes = b'{"n": 1}', headers: dict[str, str] | None = None
) -> None:
    """A letter as the runtime buries it; `number` is that of the original in its stream."""
    error = NotFound("no such user")
    await bury(
        bus, subject=subject, payload=body, stream="JOBS", sequence=number, deliveries=1, error=error, headers=headers
    )


async def jobs(bus: Bus) -> int:
    """How many messages stream JOBS holds."""
    reply = await bus.request_raw("$JS.API.STREAM.INFO.JOBS", b"", Context.new(), 5)
    count: int = msgspec.json.decode(reply)["state"]["messages"]
    return count


async def kept(bus: Bus) -> list[Letter]:
    """All letters."""
    return [letter async for letter in dead_letters.letters(bus)]


async def test_a_letter_nested_without_end_hides_no_other(bus: Bus, dead: Run) -> None:
    """It is listed and shown like any letter whose body cannot be read, and tells no task."""
    await a_letter(bus, 1, body=b'{"a":' * 5000 + b"1" + b"}" * 5000)
    await a_letter(bus, 2)
    assert [letter.task_id for letter in await kept(bus)] == [None, None]
    for command in (("list",), ("show", "1"), ("show", "1", "--json")):
        code, out, _ = await dead(*command)
        assert (code, SEND in out) == (0, True)


async def test_list_shows_what_died_and_how_much(bus: Bus, dead: Run) -> None:
    """Rows with subject, reason, deliveries, age and task, the oldest first; how many there are is told beside."""
    task = str(uuid.uuid4())
    await a_letter(bus, 1, PAINT, msgspec.json.encode({"task_id": task, "prompt": "a secret wish"}))
    await a_letter(bus, 2, SEND, b"{poison")

    code, out, err = await dead("list")

    rows = [line.split("\t") for line in out.splitlines()]
    assert (code, rows[0]) == (0, ["sequence", "subject", "reason", "deliveries", "age", "task_id"])
    assert [row[:4] for row in rows[1:]] == [["1", PAINT, "not_found", "1"], ["2", SEND, "not_found", "1"]]
    assert [row[5] for row in rows[1:]] == [task, "-"]
    assert rows[1][4].endswith(" s")
    assert err.startswith("2 dead letters; the oldest")
    assert "secret" not in out + err


async def test_list_as_json_by_subject_and_limit(bus: Bus, dead: Run) -> None:
    """`--json` prints the rows as data; `--subject` and `--limit` choose among them."""
    for number in range(5):
        await a_letter(bus, number, SEND)
    await a_letter(bus, 9, PAINT)

    _, out, err = await dead("list", "--json", "--subject", "jobs.notifications.*", "--limit", "3")
    found = msgspec.json.decode(out)
    assert ([row["sequence"] for row in found], err) == ([1, 2, 3], "")
    assert isinstance(found[0]["age"], float)

    _, out, err = await dead("list", "--limit", "3")
    assert err.startswith("6 dead letters, the oldest 3 shown;")


async def test_list_of_nothing(bus: Bus, dead: Run) -> None:
    """Without letters the list is empty and says so."""
    assert (await dead("list"))[2] == "0 dead letters\n"
    assert (await dead("list", "--json"))[1] == "[]\n"


async def test_depth_counts_by_subject_and_knows_the_age(bus: Bus) -> None:
    """What metrics need: how many, where, how old."""
    assert await dead_letters.depth(bus) == Depth(letters=0, size=0, oldest=None, subjects={}, last=0)
    for number, subject in enumerate((SEND, SEND, PAINT)):
        await a_letter(bus, number, subject)
    await asyncio.sleep(0.05)

    found = await dead_letters.depth(bus)

    assert (found.letters, found.last, found.subjects) == (3, 3, {SEND: 2, PAINT: 1})
    assert found.oldest is not None
    assert 0.05 < found.oldest < 5
    assert (await dead_letters.depth(bus, PAINT)).letters == 1


async def test_show_prints_everything_with_the_body_pretty(bus: Bus, dead: Run) -> None:
    """Facts, the context of the request it was part of, and the body on lines of its own."""
    context = Context.new(timeout=5, user_id=uuid.uuid4(), tier="pro")
    await a_letter(bus, 1, PAINT, b'{"task_id":"t1","prompt":"salt"}', context.headers())

    code, out, _ = await dead("show", "1")

    assert code == 0
    facts = dict(line.split(maxsplit=1) for line in out.split("\n\n")[0].splitlines())
    assert (facts["subject"], facts["detail"], facts["task"]) == (PAINT, "no such user", "t1")
    assert (facts["request-id"], facts["tier"]) == (context.request_id, "pro")
    assert out.endswith('{\n  "task_id": "t1",\n  "prompt": "salt"\n}\n')


async def test_show_as_json_keeps_the_bytes(bus: Bus, dead: Run) -> None:
    """As JSON a body is data where it can be read, and base64 in any case."""
    await a_letter(bus, 1, SEND, b'{"a": [1]}')
    await a_letter(bus, 2, SEND, b"\xff{poison")

    readable = msgspec.json.decode((await dead("show", "1", "--json"))[1])
    poison = msgspec.json.decode((await dead("show", "2", "--json"))[1])

    assert (readable["body"], base64.b64decode(readable["payload"])) == ({"a": [1]}, b'{"a": [1]}')
    assert base64.b64decode(poison["payload"]) == b"\xff{poison"
    assert "body" not in poison


async def test_what_is_shown_cannot_drive_the_terminal(bus: Bus, dead: Run) -> None:
    """Escape sequences in a body are spelled out."""
    await a_letter(bus, 1, SEND, '{"a":"\u009b31m\u202e"}'.encode())
    await a_letter(bus, 2, SEND, b"\x1b[2J")

    shown = (await dead("show", "1"))[1] + (await dead("show", "2"))[1]

    assert all(c.isprintable() or c == "\n" for c in shown)
    assert "\\x9b31m\\u202e" in shown
    assert printable("Größe 封面") == "Größe 封面"


async def test_replay_does_the_work_with_its_context_and_removes_the_letter(nats_url: str, bus: Bus, dead: Run) -> None:
    """A job that died is done after its cause is gone: the same body, user and request."""
    seen: list[tuple[str, Context]] = []
    broken = True

    async def handle(message: notifications.SendNotification, context: Context) -> None:
        if broken:
            raise NotFound("no such user")
        seen.append((message.effect_key, context))

    job = notifications.SendNotification(user_id=uuid.uuid4(), effect_key="k", kind="test", title="Hello")
    context = Context.new(timeout=5, user_id=job.user_id, tier="pro")
    async with a_node(nats_url, SmallService("notifications", work(notifications.SEND, handle))):
        await bus.enqueue(notifications.SEND, job, message_id="m", context=context)
        async with asyncio.timeout(5):
            while not await kept(bus):
                await asyncio.sleep(0.02)
        broken = False
        assert await dead("replay", "1") == (0, "1 replayed\n", "")
        async with asyncio.timeout(5):
            while not seen:
                await asyncio.sleep(0.02)

    [(key, got)] = seen
    assert (key, got.request_id, got.user_id, got.tier) == ("k", context.request_id, job.user_id, "pro")
    assert (got.deadline, got.delivery) == (None, 1)
    assert await kept(bus) == []


async def test_replaying_twice_sends_once(bus: Bus, dead: Run) -> None:
    """After a crash between sending and deleting, the next replay sends nothing new and removes the letter."""
    await a_letter(bus, 1)
    [letter] = await kept(bus)
    await bus.send(letter.subject, letter.payload, message_id="replay-1")  # and here it crashed

    assert (await dead("replay", "1"))[1] == "1 replayed\n"
    assert (await jobs(bus), await kept(bus)) == (1, [])
    await dead_letters.replay(bus, letter)  # two operators at once: both saw it
    assert await jobs(bus) == 1


async def test_replay_all_of_a_subject(bus: Bus, dead: Run) -> None:
    """`--all --subject` takes those that match; `--all` then takes the rest."""
    for number in range(20):
        await a_letter(bus, number, (SEND, PAINT)[number % 2])

    assert (await dead("replay", "--all", "--subject", PAINT))[1] == "10 replayed\n"
    assert {letter.subject for letter in await kept(bus)} == {SEND}
    assert (await dead("replay", "--all"))[1] == "10 replayed\n"
    assert (await jobs(bus), await kept(bus)) == (20, [])


async def test_a_letter_that_cannot_be_sent_is_kept(bus: Bus, dead: Run) -> None:
    """When its queue is full the operator is told in one line, and the letter is still there."""
    await a_letter(bus, 1)
    reply = await bus.request_raw("$JS.API.STREAM.INFO.JOBS", b"", Context.new(), 5)
    config = msgspec.json.decode(reply)["config"] | {"max_msgs": 1}
    await bus.request_raw("$JS.API.STREAM.UPDATE.JOBS", msgspec.json.encode(config), Context.new(), 5)
    await bus.send(SEND, b"{}", message_id="fills it")

    code, out, err = await dead("replay", "1")

    assert (code, out) == (1, "")
    assert err.startswith("covergen: letter 1 was not replayed and is still there: ")
    assert len(await kept(bus)) == 1


async def test_drop_removes_letters_and_sends_nothing(bus: Bus, dead: Run) -> None:
    """By number, then all of a subject, then all."""
    for number in range(6):
        await a_letter(bus, number, (SEND, PAINT)[number % 2])

    assert (await dead("drop", "1", "1", "3"))[1] == "2 dropped\n"
    assert [letter.sequence for letter in await kept(bus)] == [2, 4, 5, 6]
    assert (await dead("drop", "--all", "--subject", PAINT))[1] == "3 dropped\n"
    assert (await dead("drop", "--all"))[1] == "1 dropped\n"
    assert (await jobs(bus), await kept(bus)) == (0, [])


async def test_letters_that_are_not_there_are_named(bus: Bus, dead: Run) -> None:
    """What exists is done; what does not is one line and code 1."""
    await a_letter(bus, 1)
    await a_letter(bus, 2)

    assert await dead("show", "7") == (1, "", "covergen: no dead letter 7\n")
    assert await dead("replay", "7", "1", "0") == (1, "1 done\n", "covergen: no dead letter 7, 0\n")
    assert await dead("drop", "1", "2") == (1, "1 done\n", "covergen: no dead letter 1\n")
    assert not await dead_letters.drop(bus, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("show", "1", "2"),
        ("replay",),
        ("replay", "1", "--all"),
        ("drop",),
        ("drop", "1", "--subject", "jobs.>"),
        ("list", "1"),
        ("list", "--limit", "0"),
        ("list", "--subject", "jobs..x"),
        ("list", "--subject", "jobs.>.x"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_done(
    bus: Bus, dead: Run, arguments: tuple[str, ...]
) -> None:
    """One line, code 1, and the letter is still there."""
    await a_letter(bus, 1)

    code, out, err = await dead(*arguments)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("covergen: ")
    assert (len(await kept(bus)), await jobs(bus)) == (1, 0)


async def test_no_stream_no_server_and_no_stack_are_one_line_each(dead: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without stream DEAD, without NATS, and without a stack the operator reads one line."""
    assert "covergen migrate" in (await dead("list"))[2]
    monkeypatch.setenv("COVERGEN_NATS_URL", "nats://127.0.0.1:1")
    code, _, err = await dead("list")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("covergen: NATS does not let us in: ")
    monkeypatch.delenv("COVERGEN_NATS_URL")
    assert (await dead("list"))[2] == "covergen: nothing runs here, and COVERGEN_NATS_URL is not set\n"


async def test_what_the_undertaker_buries_keeps_its_context_too(bus: Bus) -> None:
    """A message whose workers all crashed is buried with user and request, not with the server's own headers."""
    context = Context.new(user_id=uuid.uuid4())
    await bus.send(SEND, b"{}", message_id="m", headers=context.headers())
    await Undertaker(bus).bury(MaxDeliveries(stream="JOBS", consumer="x", stream_seq=1, deliveries=4))

    [letter] = await kept(bus)
    sent = context.headers() | {"sender": letter.context["sender"]}
    assert (letter.reason, letter.deliveries, letter.context) == ("max_deliveries", 4, sent)
    assert letter.context["sender"].startswith("tester/")


async def test_a_letter_is_never_logged(bus: Bus, dead: Run, caplog: pytest.LogCaptureFixture) -> None:
    """Showing and replaying leave no text of the user's in the log."""
    await a_letter(bus, 1, SEND, b'{"prompt": "a secret wish"}')
    assert "secret" in (await dead("show", "1"))[1]
    await dead("replay", "1")
    assert "secret" not in caplog.text


async def test_a_subject_that_no_stream_has_is_kept(bus: Bus) -> None:
    """A letter of a queue that is no more cannot be replayed and is not lost."""
    await a_letter(bus, 1, "gone.queue")
    [letter] = await kept(bus)
    with pytest.raises(Unavailable, match="still there"):
        await dead_letters.replay(bus, letter)
    assert len(await kept(bus)) == 1


def test_ages_are_for_people() -> None:
    """In the largest unit that fits."""
    assert [ago(s) for s in (-1, 0, 59.9, 60, 7300, 200_000)] == ["0 s", "0 s", "59 s", "1 min", "2 h", "2 d"]
