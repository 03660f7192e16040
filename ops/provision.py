"""What must exist before nodes start: databases, schemas, streams, consumers. Doing it again changes nothing."""

from urllib.parse import urlsplit, urlunsplit

from adapters.migrations import ensure_database, migrate
from adapters.nats.bus import opened_bus
from adapters.nats.connection import Profile, connected
from ops.credentials import seed_file
from ops.paths import ROOT, Home
from ops.provision_nats import provision_streams
from ops.settings import Settings
from ops.stack_parts import Urls

POSTGRES_NODES = ("auth", "users")


def node_database(postgres_url: str, node: str) -> str:
    """The address of a node's own database on the server of `postgres_url`."""
    return urlunsplit(urlsplit(postgres_url)._replace(path=f"/covergen_{node}"))


async def migrate_all(postgres_url: str) -> dict[str, list[str]]:
    """Make the databases and bring their schemas up to date; returns the migrations that were applied, by node."""
    applied = {}
    for node in POSTGRES_NODES:
        dsn = node_database(postgres_url, node)
        await ensure_database(dsn)
        applied[node] = await migrate(dsn, ROOT / "nodes" / node / "migrations")
    return applied


async def provision(settings: Settings, urls: Urls) -> None:
    """Databases and streams, before the first node starts."""
    await migrate_all(urls.postgres)
    await provision_nats(settings, urls.nats)


async def provision_nats(settings: Settings, nats_url: str) -> None:
    """Streams and consumers, as user `ops`."""
    async with connected(profile(settings, "ops", nats_url)) as connection, opened_bus(connection) as bus:
        await provision_streams(bus)


def profile(settings: Settings, user: str, nats_url: str | None = None, version: str = "0.0.0") -> Profile:
    """How `user` connects to NATS: with its seed, or without one where there is none (a server without accounts)."""
    seed = seed_file(Home(settings.home), user)
    servers = tuple((nats_url or settings.nats_url or "").split(","))
    return Profile(servers=servers, name=user, version=version, seed=seed if seed.exists() else None)
