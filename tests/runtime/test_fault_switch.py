"""The switch of faults: a key-value bucket, who may use it, and what each process knows of it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from adapters.faults import Faults, described, watched
from adapters.nats.bus import Bus
from adapters.nats.kv import KeyValues
from contracts.errors import Unavailable
from contracts.faults import BUCKET, FAULTS, Activation
from ops.cli import main, parser
from ops.commands.fault import run_fault
from ops.faults import FaultRefused, Wish, activated, active, set_fault
from ops.host import Host
from ops.parts import FaultyParts, Parts
from ops.settings import Settings, read_settings
from tests.support.buses import a_bus


def settings_of(folder: Path, **environ: str) -> Settings:
    """Settings of an operator."""
    return read_settings({"COVERGEN_HOME": str(folder), **environ}, folder / "none")


@pytest_asyncio.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """A bus with the bucket."""
    async with a_bus(nats_url, streams=True) as bus:
        yield bus


async def until_knows(faults: Faults, *names: str) -> None:
    """Wait until exactly these are known to be active."""
    async with asyncio.timeout(8):
        while {row.name for row in FAULTS if faults.find(row.name)} != set(names):
            await asyncio.sleep(0.01)


async def test_keys_are_put_read_and_deleted(bus: Bus) -> None:
    """The last value of each key, without what was deleted; deleting again changes nothing."""
    bucket = KeyValues(bus, BUCKET)
    for key, value in (("a", b"1"), ("b", b"2"), ("a", b"3"), ("c", b"4")):
        await bucket.put(key, value)
    await bucket.delete("c")
    await bucket.delete("c")

    assert await bucket.all() == {"a": b"3", "b": b"2"}
    assert [await bucket.get(key) for key in ("a", "c", "none")] == [b"3", None, None]


async def test_a_bucket_that_is_not_there_is_unavailable(nats_url: str) -> None:
    """Reading a bucket that nobody made says so instead of looking empty."""
    async with a_bus(nats_url) as bus:
        with pytest.raises(Unavailable):
            await KeyValues(bus, BUCKET).all()


async def test_a_process_hears_of_faults_at_once(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    """What is set before and after it starts is known, and both ends are a warning in its log."""
    bucket, faults = KeyValues(bus, BUCKET), Faults()
    await bucket.put("storage-slow", msgspec.json.encode(Activation(name="storage-slow", seconds=2)))
    async with watched(bus, faults):
        await until_knows(faults, "storage-slow")
        began = time.monotonic()
        await bucket.put("redis-down", msgspec.json.encode(Activation(name="redis-down")))
        await until_knows(faults, "storage-slow", "redis-down")
        await bucket.delete("storage-slow")
        await until_knows(faults, "redis-down")
        assert time.monotonic() - began < 1

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "fault storage-slow (2 s)",
        "fault redis-down",
        "fault storage-slow is over, 0 calls were hit",
    ]


async def test_what_was_missed_is_read_again(bus: Bus) -> None:
    """A value that was stored while the watcher heard nothing is found by its next reading."""
    seen: list[dict[str, bytes]] = []
    bucket, client = KeyValues(bus, BUCKET), bus.connection.client
    async with bucket.watched(lambda values: seen.append(dict(values)), every=0.1), asyncio.timeout(5):
        deaf = next(number for number, each in client._subs.items() if each.subject == "$KV.faults.>")
        client._takers[deaf] = lambda *_message: None
        await bucket.put("a", b"1")
        while {"a": b"1"} not in seen:
            await asyncio.sleep(0.01)

    assert seen[-1] == {"a": b"1"}


async def test_a_fault_hits_as_often_as_its_rate_says_where_it_is_meant_to() -> None:
    """Rate, node, target and time decide; a process without faults does not even draw a lot."""
    lots, now = [0.29, 0.31], [100.0]
    faults = Faults(clock=lambda: now[0], chance=lambda: lots.pop(0))
    assert faults.hit("slow-node") is None
    assert not faults
    faults.replace([Activation(name="slow-node", rate=0.3, node="covers", until=200.0)])

    assert [faults.hit("slow-node", node=node) is not None for node in ("users", "covers", "covers")] == [
        False,
        True,
        False,
    ]
    now[0] = 200.0
    assert faults.find("slow-node", node="covers") is None


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (Wish(name="provider-slwo"), "provider-slwo is not a fault: did you mean provider-slow"),
        (Wish(name="xyz"), "xyz is not a fault: see `covergen fault list`"),
        (Wish(name="provider-failing", rate="1.1"), "--rate must be a number from 0 to 1, not '1.1'"),
        (Wish(name="provider-failing", rate="nan"), "--rate must be a number from 0 to 1, not 'nan'"),
        (Wish(name="provider-slow", seconds="much"), "--seconds must be a number from 0 to 600, not 'much'"),
        (Wish(name="mongo-down", seconds="3"), "mongo-down takes no --seconds"),
        (Wish(name="mongo-down", node="mars"), "--node must be one of auth, "),
        (Wish(name="storage-full", node="covers"), "storage-full takes no --node"),
        (Wish(name="mongo-down", target="x"), "mongo-down takes no --target"),
        (Wish(name="mongo-down", lasting="-1"), "--for must be a number from 0 to 86400, not '-1'"),
    ],
)
def test_a_bad_wish_is_refused_in_one_line(wish: Wish, sentence: str) -> None:
    """The line names the option, or the faults whose names are near."""
    with pytest.raises(FaultRefused) as refused:
        activated(wish, 0.0)

    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_a_fault_ends_by_itself_unless_told_otherwise() -> None:
    """After ten minutes; with `--for 0` when it is cleared."""
    usual, endless = (activated(Wish(name="mongo-down", lasting=given), 50.0) for given in (None, "0"))

    assert (usual.until, endless.until) == (650.0, None)
    assert described(activated(Wish(name="consumer-lag", rate="0.5", node="covers"), 0.0)) == (
        "consumer-lag (rate 0.5, 3 s, node covers)"
    )


async def test_an_expired_fault_is_not_active(bus: Bus, tmp_path: Path) -> None:
    """One that was set for a moment is over, and not listed any more."""
    await set_fault(settings_of(tmp_path), bus, Wish(name="redis-down", lasting="0.2"))
    assert [fault.name for fault in await active(bus)] == ["redis-down"]
    await asyncio.sleep(0.25)

    assert await active(bus) == []


@pytest.mark.parametrize(
    ("environ", "allowed"),
    [
        ({}, True),
        ({"COVERGEN_FAULTS": "never"}, False),
        ({"COVERGEN_ENVIRONMENT": "production"}, False),
        ({"COVERGEN_ENVIRONMENT": "production", "COVERGEN_FAULTS": "allowed"}, True),
    ],
)
async def test_production_refuses_faults(
    nats_url: str, bus: Bus, tmp_path: Path, environ: dict[str, str], *, allowed: bool
) -> None:
    """Where faults are not allowed none can be set, and neither is anything wrapped nor anything watched."""
    settings = settings_of(tmp_path, COVERGEN_NATS_URL=nats_url, **environ)
    async with contextlib.AsyncExitStack() as stack:
        host = Host(settings, stack)
        ours = await host.bus("covers")
        subjects = {each.subject for each in ours.connection.client._subs.values()}
        assert type(host.parts) is (FaultyParts if allowed else Parts)
        assert ("$KV.faults.>" in subjects) is allowed
    words = parser().parse_args(["fault", "set", "redis-down"])
    if allowed:
        assert await run_fault(settings, words) == 0
    else:
        with pytest.raises(FaultRefused, match=r"faults are not allowed here: COVERGEN_ENVIRONMENT is"):
            await run_fault(settings, words)

    assert len(await active(bus)) == allowed


def test_the_command_fails_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code 1 and a sentence when nothing runs."""
    monkeypatch.setenv("COVERGEN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert main(["fault", "list"]) == 1
    assert capsys.readouterr().err == "covergen: nothing runs here, and COVERGEN_NATS_URL is not set\n"


async def test_the_list_shows_what_is_active(
    nats_url: str, bus: Bus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All faults with their promises, as a table or JSON; the active one with its values."""
    settings = settings_of(tmp_path, COVERGEN_NATS_URL=nats_url)
    for line in ("set slow-node --seconds 3 --node covers --for 0", "list", "list --json", "clear", "clear"):
        await run_fault(settings, parser().parse_args(["fault", *line.split()]))
    said, *table, as_json, cleared, again = capsys.readouterr().out.splitlines()
    rows = {row["name"]: row for row in msgspec.json.decode(as_json)}

    assert said == "slow-node (3 s, node covers) is active until it is cleared"
    assert len(table) == len(FAULTS) + 1
    assert next(line for line in table if "until it is cleared" in line).startswith("slow-node\t(3 s, node covers)")
    assert rows["slow-node"]["active"]["seconds"] == 3
    assert rows["redis-down"]["active"] is None
    assert all(row["promise"] for row in rows.values())
    assert (cleared, again) == ("cleared: slow-node", "nothing to clear")
