"""The composition root of the nodes: builds each from the settings, one function per node. The edge's: `front.py`."""

from collections.abc import Awaitable, Callable

from adapters.crypto import derive
from adapters.identity.opening import open_providers
from adapters.images.painter import FAMILIES
from adapters.images.painter.showing import unseen
from adapters.mail import open_mailer
from adapters.moderation.openai import OpenAIModeration
from adapters.mongo import now
from adapters.nats.bus import Bus
from adapters.passwords import Passwords
from adapters.provenance.signatory import Signatory
from adapters.typesetter import PAIRINGS
from nodes.auth.service import Auth
from nodes.bindings import Service
from nodes.covers.service import Covers
from nodes.covers.share_links import Links
from nodes.edits.service import Edits
from nodes.exports.service import Exports
from nodes.notifications.service import Notifications
from nodes.safety.service import Safety
from nodes.tasks.service import build as build_tasks
from nodes.templates.model import Known
from nodes.templates.service import Templates
from nodes.users.service import Users
from ops.content_credentials import ensure_signing_files
from ops.credentials import ensure_admin_password, ensure_secret_key
from ops.host import Host
from ops.models import hear_of_pictures, image_models
from ops.settings import SettingsInvalid

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
    known = Known(families=frozenset(FAMILIES), pairings=frozenset(PAIRINGS), unseen=unseen())
    service = Templates(host.mongo("templates"), bus.send, known=known)
    await service.prepare()
    return service


async def safety(host: Host, bus: Bus) -> Service:
    """Text rules, picture checks and the queue of what a person has to decide."""
    second = second_opinion(host)
    breakers = () if second is None else (second.breaker,)
    store, objects = host.mongo("safety"), host.objects(bus)
    service = Safety(bus, store, objects, host.workers, second=second, breakers=breakers)
    await service.prepare()
    return service


def second_opinion(host: Host) -> OpenAIModeration | None:
    """Who is asked beside the rules, if the settings want it. Raises SettingsInvalid without a key."""
    settings = host.settings
    if settings.moderation == "rules":
        return None
    if settings.openai_key is None:
        raise SettingsInvalid("COVERGEN_OPENAI_KEY is not set, which COVERGEN_MODERATION=rules+openai needs")
    opened = OpenAIModeration(
        settings.openai_key,
        settings.openai_url,
        host.workers,
        failures=settings.breaker_failures,
        open_for=settings.breaker_seconds,
    )
    host.stack.push_async_callback(opened.close)
    return opened


async def covers(host: Host, bus: Bus) -> Service:
    """Art by the image models of the settings, and type on it."""
    images = image_models(host)
    await hear_of_pictures(host, bus, images)
    service = Covers(
        bus,
        host.mongo("covers"),
        host.objects(bus),
        images.model,
        host.workers,
        links=share_links(host),
        breakers=images.breakers,
        measured=images.model.gauges,
        signatory=signatory(host),
    )
    await service.prepare()
    return service


def share_links(host: Host) -> Links:
    """The addresses of shared covers, by a key of their own."""
    settings = host.settings
    return Links(derive(ensure_secret_key(settings), "shares"), settings.public_url or settings.own_url)


def signatory(host: Host) -> Signatory:
    """Who gives pictures their Content Credentials. Raises SettingsInvalid for a pair that cannot sign."""
    return Signatory(host.workers, ensure_signing_files(host.settings), host.version)


async def exports(host: Host, bus: Bus) -> Service:
    """Files of covers."""
    service = Exports(bus, host.mongo("exports"), host.objects(bus), host.workers, signatory(host))
    await service.prepare()
    return service


async def edits(host: Host, bus: Bus) -> Service:
    """Edit sessions, in which image models may paint, and uploads."""
    images = image_models(host)
    service = Edits(
        bus,
        host.mongo("edits"),
        host.objects(bus),
        host.workers,
        signatory(host),
        images=images.model,
        breakers=images.breakers,
        measured=images.model.gauges,
    )
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
