"""The server that the product starts is set as the product promises: what the server itself says of its settings."""

from pathlib import Path
from typing import Any

import aiohttp

from ops.credentials import write_nats_config
from ops.paths import Home
from ops.servers.nats import NatsServer
from ops.settings import read_settings
from tests.support.servers import running


async def told(url: str) -> dict[str, Any]:
    """What a page of the server's monitor says."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found: dict[str, Any] = await response.json()
    return found


async def test_acknowledged_messages_are_on_disk(tmp_path: Path) -> None:
    """Every write is flushed before it is acknowledged; the default of two minutes loses them at a power cut."""
    settings = read_settings({"COVERGEN_HOME": str(tmp_path)}, tmp_path / "none")
    server = NatsServer(Home(settings.home), write_nats_config(settings))
    async with running(server):
        page = await told(f"{server.monitor_url}/varz")

    assert page["jetstream"]["config"]["sync_always"] is True
    assert page["jetstream"]["config"]["strict"] is True
    assert page["max_payload"] == 1024 * 1024
    assert page["host"] == "127.0.0.1"
    assert page["system_account"] == "SYS"
