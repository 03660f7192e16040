"""The composition root: builds each node and the edge from the settings. One function per node."""

import contextlib
import functools
from collections.abc import Awaitable, Callable

from adapters.crypto import Passwords, Verifier, derive
from adapters.faults import Faults, watched
from adapters.identity.opening import open_providers
from adapters.images import ImageModel
from adapters.images.guarded import GuardedModel, image_target
from adapters.images.painter import FAMILIES, Painter
from adapters.mail import open_mailer
from adapters.mongo import Database, now, open_mongo
from adapters.nats.bus import Bus, opened_bus
from adapters.nats.connection import Connection, connected
from adapters.nats.objects import NatsObjects
from adapters.objects import Objects, open_objects
from adapters.postgres import Pool, open_pool
from adapters.redis import Redis
from adapters.typesetter import PAIRINGS
from adapters.workers import Workers
from edge.address import Addresses, networks
from edge.address_lists import AddressLists
from edge.app import Rules, build_app, serve_app
from edge.connections import Gate
from edge.cookies import Cookies
from edge.rates import read_rates
from nodes.auth.service import Auth
from nodes.covers.service import Covers
from nodes.edits.service import Edits
from nodes.exports.service import Exports
from nodes.notifications.service import Notifications
from nodes.runtime import Service
from nodes.safety.service import Safety
from nodes.tasks.service import build as build_tasks
from nodes.templates.model import Known
from nodes.templates.service import Templates
from nodes.users.service import Users
from ops.credentials import ensure_admin_password, ensure_secret_key
from ops.launch import installed_version
from ops.parts import FaultyParts, Parts
from ops.paths import ROOT
from ops.processes import inherited_socket
from ops.provision import node_database, profile
from ops.settings import Settings, SettingsInvalid
from ops.values import words

NOTICE = 1.0
"""Seconds in which an edge that ends says so to balancers and to clients that keep their connection."""


class Host:
    """What the nodes of one process share: settings, worker processes, and when things are closed."""

    def __init__(self, settings: Settings, stack: contextlib.AsyncExitStack):
        self.settings = settings
        self.stack = stack
        self.version = installed_version()
        self._faults = Faults() if settings.faults_allowed else None
        self.parts = Parts() if self._faults is None else FaultyParts(self._faults)
        self._watching = False

    @functools.cached_property
    def workers(self) -> Workers:
        """The processes for painting and checking pictures, started when first needed."""
        preload = (
            "adapters.images.painter",
            "adapters.images.adjustments",
            "adapters.typesetter",
            "adapters.moderation.pictures",
            "adapters.rendering",
        )
        workers = self.parts.workers(self.settings.paint_processes, self.settings.image_seconds, preload)
        self.stack.push_async_exit(workers)
        return workers

    async def bus(self, user: str) -> Bus:
        """A connection of that user's own."""
        who = profile(self.settings, user, version=self.version)
        connection = await self.stack.enter_async_context(connected(who))
        await self._watch_faults(connection)
        bus = self.parts.bus(connection)
        await bus.open()
        return bus

    async def _watch_faults(self, connection: Connection) -> None:
        """Once for the process, where faults are allowed: by a bus of its own, which has none."""
        if self._faults is not None and not self._watching:
            self._watching = True
            bus = await self.stack.enter_async_context(opened_bus(connection))
            await self.stack.enter_async_context(watched(bus, self._faults))

    async def postgres(self, node: str) -> Pool:
        """The node's own PostgreSQL database."""
        dsn = node_database(_given(self.settings.postgres_url, "COVERGEN_POSTGRES_URL"), node)
        pool = await open_pool(dsn, kind=lambda raw: self.parts.pool(raw, node))
        self.stack.push_async_callback(pool.close)
        return pool

    def mongo(self, node: str) -> Database:
        """The node's own MongoDB database."""
        client = open_mongo(_given(self.settings.mongo_url, "COVERGEN_MONGO_URL"))
        self.stack.callback(client.close)
        return self.parts.database(client[f"covergen_{node}"], node)

    def objects(self, bus: Bus) -> Objects:
        """The object store."""
        store = open_objects(self.settings.objects_url, lambda bucket: NatsObjects(bus.connection, bucket))
        return self.parts.objects(store)

    def redis(self) -> Redis:
        """The Redis of the edge."""
        redis = self.parts.redis(_given(self.settings.redis_url, "COVERGEN_REDIS_URL"))
        self.stack.push_async_callback(redis.close)
        return redis


Build = Callable[[Host, Bus], Awaitable[Service]]


async def auth(host: Host, bus: Bus) -> Service:
    """Accounts, with the administrator's."""
    passwords = Passwords()
    host.stack.callback(passwords.close)
    admin = (host.settings.admin_email, ensure_admin_password(host.settings))
    public_url = host.settings.public_url or host.settings.own_url
    root = ensure_secret_key(host.settings)
    providers = open_providers(host.settings.google_client, host.settings.github_client, host.settings.oidc)
    pool = await host.postgres("auth")
    service = Auth(pool, bus, passwords, root=root, admin=admin, public_url=public_url, providers=providers)
    host.stack.push_async_callback(service.close)
    await service.prepare()
    return service


async def users(host: Host, bus: Bus) -> Service:
    """Profiles and quota."""
    service = Users(await host.postgres("users"), bus)
    host.stack.push_async_callback(service.close)
    return service


async def templates(host: Host, bus: Bus) -> Service:
    """Styles, seeded."""
    known = Known(families=frozenset(FAMILIES), pairings=frozenset(PAIRINGS))
    service = Templates(host.mongo("templates"), bus.send, known=known)
    await service.prepare()
    return service


async def safety(host: Host, bus: Bus) -> Service:
    """Text rules and picture checks."""
    return Safety(bus, host.objects(bus), host.workers)


async def covers(host: Host, bus: Bus) -> Service:
    """Art by the built-in painter, and type on it."""
    model = guarded(host.settings, host.parts.model(Painter(host.workers)))
    images = host.parts.guarded(model)
    service = Covers(bus, host.mongo("covers"), host.objects(bus), images, host.workers, breakers=(model.breaker,))
    await service.prepare()
    return service


def guarded(settings: Settings, model: ImageModel) -> GuardedModel:
    """The model behind a breaker of its own, which makes as many pictures at a time as there are processes."""
    target = image_target(
        model.name,
        timeout=settings.image_seconds,
        failures=settings.breaker_failures,
        open_for=settings.breaker_seconds,
        concurrency=settings.paint_processes,
    )
    return GuardedModel(model, target)


async def exports(host: Host, bus: Bus) -> Service:
    """Files of covers."""
    service = Exports(bus, host.mongo("exports"), host.objects(bus), host.workers)
    await service.prepare()
    return service


async def edits(host: Host, bus: Bus) -> Service:
    """Edit sessions."""
    service = Edits(bus, host.mongo("edits"), host.objects(bus), host.workers)
    await service.prepare()
    return service


async def tasks(host: Host, bus: Bus) -> Service:
    """Sagas."""
    clock = host.parts.clock(now)
    return await build_tasks(host.mongo("tasks"), bus, max_wait=host.settings.max_wait, clock=clock)


async def notifications(host: Host, bus: Bus) -> Service:
    """The inbox, and mail."""
    settings = host.settings
    mailer = open_mailer(settings.mail_url, settings.mail_from, settings.home / "mail")
    service = Notifications(host.mongo("notifications"), host.parts.mailer(mailer), ensure_secret_key(settings))
    await service.prepare()
    return service


NODES: dict[str, Build] = {
    "auth": auth,
    "users": users,
    "templates": templates,
    "safety": safety,
    "covers": covers,
    "edits": edits,
    "exports": exports,
    "tasks": tasks,
    "notifications": notifications,
}


async def edge(host: Host, bus: Bus) -> str:
    """An edge process; returns its address."""
    settings, addresses = host.settings, Addresses(networks(host.settings.trusted_proxies))
    lists = AddressLists(networks(settings.deny), networks(settings.allow), networks(settings.admin_allow))
    cookies = Cookies(csrf_key=derive(ensure_secret_key(settings), "csrf"), public_url=settings.public_url)
    app = build_app(
        bus=bus,
        objects=host.objects(bus),
        redis=host.redis(),
        verifier=Verifier(),
        version=host.version,
        region=settings.region,
        asyncapi=(ROOT / "asyncapi.json").read_bytes(),
        rules=Rules(
            max_wait=settings.max_wait,
            rates=read_rates(settings.rate_limits),
            addresses=addresses,
            lists=lists,
            origins=words(settings.cors_origins),
            cookies=cookies,
        ),
    )
    gate = Gate(settings.max_connections, settings.max_connections_per_address, addresses, lists)
    port = (settings.http_host, settings.http_port)
    serving = serve_app(app, *port, notice=NOTICE, inherited=inherited_socket(), gate=gate)
    return await host.stack.enter_async_context(serving)


def _given(url: str | None, name: str) -> str:
    if url is None:
        raise SettingsInvalid(f"{name} is not set: a node or edge by itself needs the address of its servers")
    return url
