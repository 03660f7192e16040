"""The composition root of an edge process. `wiring.py` is that of the nodes: neither process loads the other's code."""

from adapters.crypto import derive
from adapters.nats.bus import Bus
from adapters.signed_tokens import Verifier
from edge.address import Addresses, networks
from edge.address_lists import AddressLists
from edge.app import build_app
from edge.connections import Gate
from edge.cookies import Cookies
from edge.rates import read_rates
from edge.serving import serve_app
from edge.stages import Rules
from ops.content_credentials import trust_file
from ops.credentials import ensure_secret_key
from ops.host import Host
from ops.paths import ROOT
from ops.processes import inherited_socket
from ops.values import words
from ops.webhooks import webhook_key

NOTICE = 1.0
"""Seconds in which an edge that ends says so to balancers and to clients that keep their connection."""


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
        trust=trust_file(settings),
        asyncapi=(ROOT / "asyncapi.json").read_bytes(),
        rules=Rules(
            max_wait=settings.max_wait,
            rates=read_rates(settings.rate_limits),
            addresses=addresses,
            lists=lists,
            origins=words(settings.cors_origins),
            cookies=cookies,
            webhook_key=webhook_key(settings),
        ),
        traces=host.traces("edge"),
    )
    gate = Gate(settings.max_connections, settings.max_connections_per_address, addresses, lists)
    port = (settings.http_host, settings.http_port)
    serving = serve_app(app, *port, notice=NOTICE, inherited=inherited_socket(), gate=gate)
    return await host.stack.enter_async_context(serving)
