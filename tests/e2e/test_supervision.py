"""The supervisor: what it starts stays up, what it stops is gone, whatever is killed and however."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nats
import pytest

from ops.launch import PortTaken, Stack
from ops.processes import SUPERVISED_HOME, is_alive, reserve_port, supervised
from ops.running import AlreadyRunning, RunInfo, down, holder, memory, read_run, start_detached, status
from ops.servers.base import NotReady
from ops.stack_parts import plain_nats_config
from tests.support.processes import slowness
from tests.support.stack import ELSEWHERE, child, refuse_to_provision, small_stack, stack, stack_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home; nothing of it may run after the test."""
    folder = tmp_path / "home"
    yield folder
    deadline = time.monotonic() + 2
    while left := supervised(folder):
        # A killed process may need a moment to go; one that stays is a failure, and may not stay longer than the test.
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            pytest.fail(f"left behind: {left}")
        time.sleep(0.02)


async def until(condition: Callable[[], bool], limit: float = 10.0) -> None:
    """Wait until it holds; TimeoutError after `limit` seconds."""
    async with asyncio.timeout(limit):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


def run_of(home: Path) -> RunInfo:
    """What runs in that home, which must be something."""
    run = read_run(home)
    assert run is not None
    return run


async def test_everything_starts_is_reported_and_stops(home: Path) -> None:
    """All servers and processes come up within 4 seconds, are listed with pid, port, health and size, and go away."""
    began = time.monotonic()
    async with stack(stack_settings(home), (child("nodes"), child("edge", kind="edge"))) as running:
        assert time.monotonic() - began < 4 * slowness()
        run, rows, sizes = run_of(home), status(home), memory(home)

        assert run == running.info
        assert [row.name for row in rows] == ["supervisor", "nats", "postgres", "valkey", "mongo", "nodes", "edge"]
        assert {row.health for row in rows} == {"ready"}
        assert run.pids == {row.name: row.pid for row in rows}
        assert all(is_alive(pid) for pid in run.pids.values())
        assert all(row.port for row in rows if row.kind in ("server", "edge"))
        assert all(size > 500_000 for size in sizes.values())
        assert (
            sum(size for name, size in sizes.items() if name in ("nats", "postgres", "valkey", "mongo")) < 130_000_000
        )
        assert (home / "run.json").stat().st_mode & 0o077 == 0
    assert not any(is_alive(pid) for name, pid in run.pids.items() if name != "supervisor")
    assert not (home / "run.json").exists()
    assert status(home) == []


async def test_second_start_in_the_same_home_is_refused(home: Path) -> None:
    """Only one supervisor per home: the second is told who holds it, and disturbs nothing."""
    async with small_stack(home):
        with pytest.raises(AlreadyRunning, match=rf"already runs in {home} \(pid {os.getpid()}\)") as caught:
            await small_stack(home).start()

        assert "\n" not in str(caught.value)
        assert run_of(home).pids["supervisor"] == os.getpid()


async def test_killed_child_comes_back(home: Path) -> None:
    """A child that dies is replaced with all of its group, at the same port; `run.json` follows."""
    async with small_stack(home, (child("nodes"), child("edge", kind="edge"))) as running:
        before = running.info
        old = before.pids["edge"]
        grandchildren = [pid for pid in supervised(home) if pid not in before.pids.values()]
        os.kill(old, signal.SIGKILL)
        await until(lambda: run_of(home).pids.get("edge", old) != old)
        after = run_of(home)

        assert after.edge == before.edge
        assert after.pids["nodes"] == before.pids["nodes"]
        assert [(row.name, row.restarts) for row in after.processes] == [("nats", 0), ("nodes", 0), ("edge", 1)]
        await until(lambda: len([pid for pid in grandchildren if is_alive(pid)]) == 1)


async def test_killed_server_comes_back_for_a_connected_client(home: Path) -> None:
    """A client of a server that is killed finds it again at the same address, with what was stored."""
    async with small_stack(home) as running:
        client = await nats.connect(running.info.nats, reconnect_time_wait=0.05, max_reconnect_attempts=-1)
        try:
            await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
            await client.jetstream().publish("kept", b"x")
            os.kill(running.info.pids["nats"], signal.SIGKILL)
            await until(lambda: running.info.processes[0].restarts == 1 and running.info.processes[0].state == "ready")
            await until(lambda: client.is_connected)

            assert (await client.jetstream().stream_info("KEPT")).state.messages == 1
        finally:
            await client.close()


async def test_child_that_keeps_dying_is_restarted_ever_more_slowly(home: Path) -> None:
    """The pauses double from 0.2 s: three restarts of a child that dies at once take at least 1.4 s."""
    once = f"import os; os.path.exists('{home}/seen') and exit(3); open('{home}/seen', 'w').close()"
    dies = once + "\nos.write(int(os.environ['COVERGEN_READY_FD']), b'{}\\n')"
    async with small_stack(home, (child("nodes", dies),)) as running:
        began = time.monotonic()
        await until(lambda: running.info.processes[-1].restarts == 3)
        taken = time.monotonic() - began

        assert taken > 1.3
        assert running.info.processes[-1].state == "restarting"
        assert [each.health for each in status(home)] == ["ready", "ready", "restarting"]


async def test_two_stacks_side_by_side(tmp_path: Path, home: Path) -> None:
    """Stacks with different homes share neither port nor process, and stopping one leaves the other."""
    async with small_stack(home, (child("nodes"),)) as first:
        async with small_stack(tmp_path / "second", (child("nodes"),)) as second:
            assert first.info.nats != second.info.nats
            assert first.info.edge != second.info.edge
        await until(lambda: supervised(tmp_path / "second") == [])
        assert all(is_alive(pid) for pid in run_of(home).pids.values())


async def test_child_that_is_never_ready_fails_the_start(home: Path) -> None:
    """A child that says nothing is reported with its last lines, and what had started is stopped."""
    mute = "import time; print('looking for my keys', flush=True); time.sleep(600)"

    with pytest.raises(NotReady, match="nodes was silent for 1 s before it was ready:\nlooking for my keys"):
        await small_stack(home, (child("nodes", mute, ready_limit=1.0),)).start()
    await until(lambda: supervised(home) == [])
    assert holder(home) is None


async def test_child_that_ends_at_once_fails_the_start(home: Path) -> None:
    """A child that ends is reported with its code and its last lines, without waiting for the limit."""
    with pytest.raises(NotReady, match="edge ended with code 4 before it was ready:\nno such option"):
        await small_stack(home, (child("edge", "print('no such option'); exit(4)", kind="edge"),)).start()
    await until(lambda: supervised(home) == [])


async def test_failing_provision_stops_the_servers(home: Path) -> None:
    """When schemas cannot be made the error comes out and nothing runs."""
    settings = stack_settings(home, **ELSEWHERE)
    stack_ = Stack(settings, provision=refuse_to_provision, configure_nats=plain_nats_config, processes=())

    with pytest.raises(LookupError, match="the schema is missing"):
        await stack_.start()
    await until(lambda: supervised(home) == [])
    assert holder(home) is None


async def test_taken_port_is_named_before_anything_starts(home: Path) -> None:
    """When another program has the HTTP port, the message names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        settings = stack_settings(home, **{**ELSEWHERE, "COVERGEN_HTTP_PORT": port})
        with pytest.raises(PortTaken, match=f"^COVERGEN_HTTP_PORT {port} on 127.0.0.1 cannot be used"):
            await stack(settings, (child("edge", kind="edge"),)).start()
    assert not (home / "logs" / "nats.log").exists()


async def test_children_get_settings_and_addresses(home: Path) -> None:
    """A child finds the addresses of the servers, its port and its home in its environment."""
    tells = f"import os; open('{home}/environ', 'w').write(os.environ['COVERGEN_NATS_URL'] + ' ' + "
    tells += "os.environ['COVERGEN_HTTP_PORT'] + ' ' + os.environ['COVERGEN_HOME'])\n"
    tells += "os.write(int(os.environ['COVERGEN_READY_FD']), b'{}\\n'); import time; time.sleep(600)"
    async with small_stack(home, (child("edge", tells, kind="edge"),)) as running:
        info = running.info

    assert (home / "environ").read_text() == f"{info.nats} {info.edge.rpartition(':')[2]} {home}"


def detached(home: Path) -> RunInfo:
    """A small stack as a process of its own."""
    return start_detached(home, [sys.executable, "-m", "tests.support.stack", str(home)], limit=20.0)


@pytest.fixture
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in the repository, from where `python -m` finds the test stack."""
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("in_repository")
async def test_killed_supervisor_leaves_no_orphans(home: Path) -> None:
    """Kill -9 of the supervisor ends every child with it, and the next start in that home works."""
    run = await asyncio.to_thread(detached, home)
    os.kill(run.pids["supervisor"], signal.SIGKILL)
    await until(lambda: not any(is_alive(pid) for pid in run.pids.values()))

    assert (home / "run.json").exists()
    await until(lambda: read_run(home) is None)  # its lock goes when the last of its threads has gone
    async with small_stack(home) as again:
        assert run_of(home) == again.info
        # Grandchildren outlive a kill -9 of everything above them; the next start has ended them.
        await until(lambda: supervised(home) == [again.info.pids["nats"]])


@pytest.mark.usefixtures("in_repository")
async def test_down_stops_a_detached_stack(home: Path) -> None:
    """`down` returns when everything is gone, and says False when there was nothing to stop."""
    run = await asyncio.to_thread(detached, home)

    assert await down(home) is True
    assert not any(is_alive(pid) for pid in run.pids.values())
    assert await down(home) is False


@pytest.mark.usefixtures("in_repository")
async def test_detached_start_that_fails_shows_why(home: Path) -> None:
    """The last lines of a supervisor that cannot start are in the error."""
    with pytest.raises(NotReady, match="No module named nowhere"):
        await asyncio.to_thread(start_detached, home, [sys.executable, "-m", "nowhere"])


@pytest.mark.usefixtures("in_repository")
async def test_signal_during_the_start_stops_cleanly(home: Path) -> None:
    """SIGTERM before everything is up ends the start, with exit code 0 and nothing left."""
    command = (sys.executable, "-m", "tests.support.stack", str(home))
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
    await until(lambda: (home / "logs" / "nats.log").exists())
    process.terminate()

    assert await asyncio.wait_for(process.wait(), 10) == 0
    await until(lambda: supervised(home) == [])


def forgotten(home: Path) -> subprocess.Popen[bytes]:
    """A process that looks as if a supervisor of that home had started and lost it."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return subprocess.Popen(command, env={SUPERVISED_HOME: str(home)})


async def test_leftover_processes_are_ended_at_the_next_start(home: Path) -> None:
    """A process that an earlier supervisor of this home has lost is ended; one of another home is left alone."""
    lost, others = forgotten(home), forgotten(home / "other")
    try:
        await until(lambda: lost.pid in supervised(home) and others.pid in supervised(home / "other"))
        async with small_stack(home):
            assert lost.wait(5) == -signal.SIGKILL
            assert others.poll() is None
    finally:
        for each in (lost, others):
            each.kill()
            each.wait()


def test_reserved_ports_are_free_and_different() -> None:
    """A reserved port is given only once though nobody listens on it yet, and a server may bind it."""
    ports = [reserve_port() for _ in range(50)]

    assert len(set(ports)) == 50
    with socket.create_server(("127.0.0.1", ports[0])) as server:
        assert server.getsockname()[1] == ports[0]
