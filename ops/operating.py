"""How the operator's commands reach the bus of a running system."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from nats.errors import Error as NatsError

from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import connected
from ops.commands.base import CommandFailed
from ops.provision import profile
from ops.running import read_run
from ops.settings import Settings

CONNECT_LIMIT = 3.0


@contextlib.asynccontextmanager
async def operator_bus(settings: Settings) -> AsyncIterator[Bus]:
    """The bus of the running stack, or of COVERGEN_NATS_URL, as user `ops`. Raises CommandFailed."""
    run = read_run(settings.home)
    url = settings.nats_url or (run.nats if run else None)
    if url is None:
        raise CommandFailed("nothing runs here, and COVERGEN_NATS_URL is not set")
    who = replace(profile(settings, "ops", url), connect_timeout=CONNECT_LIMIT)
    async with contextlib.AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(connected(who))
        except (NatsError, OSError) as error:
            raise CommandFailed(f"NATS does not let us in: {type(error).__name__} {error}".strip()) from error
        yield await stack.enter_async_context(opened_bus(connection))
