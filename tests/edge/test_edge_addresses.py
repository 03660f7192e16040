"""Networks that are denied or allowed: by connection, by request behind a proxy, and for administrators' routes."""

import json

import pytest

from adapters.redis import Redis
from adapters.signed_tokens import Verifier
from edge.address import Addresses, networks
from edge.address_lists import AddressLists
from edge.app import build_app
from edge.connections import Gate
from edge.serving import serve_app
from edge.stages import Rules
from tests.edge.conftest import an_edge
from tests.edge.small_nodes import NODES, World, the_nodes
from tests.edge.test_edge_connections import LAST, said
from tests.edge.test_edge_problems import assert_problem
from tests.support.buses import a_bus

ALLOWED = (
    ("198.51.100.7", None, None, True),
    ("198.51.100.7", "198.51.100.0/24", None, False),
    ("198.51.100.7", None, "198.51.100.0/24", True),
    ("198.51.100.7", "198.51.100.7", "198.51.100.0/24", False),
    ("192.0.2.1", None, "198.51.100.0/24", False),
    ("::ffff:198.51.100.7", "198.51.100.0/24", None, False),
    ("2001:db8:1::5", "2001:db8:1::5", None, False),
    ("2001:db8:1::6", "2001:db8:1::5", None, True),
    ("fe80::1%eth0", "fe80::/10", None, False),
    ("unknown", None, "0.0.0.0/0,::/0", False),
)


@pytest.mark.parametrize(("address", "deny", "allow", "comes"), ALLOWED)
def test_who_may_connect(address: str, deny: str | None, allow: str | None, comes: bool) -> None:
    """Denied wins; with an allow list nobody else comes; IPv4 in IPv6's clothes is IPv4; a trusted proxy connects."""
    lists = AddressLists(networks(deny or ""), networks(allow or ""))
    assert Gate(lists=lists).denies(address) is not comes
    assert lists.counts["connection"] == int(not comes)
    proxy = Addresses(networks("0.0.0.0/0, ::/0"))
    assert Gate(addresses=proxy, lists=lists).denies(address) is (address == "unknown")


async def test_a_denied_client_is_told_when_it_connects(nats_url: str, redis: Redis, world: World) -> None:
    """403 as a problem before a byte of a request was sent, then the end; counted in the metrics of the edge."""
    lists = AddressLists(networks("127.0.0.0/8"))
    async with a_bus(nats_url, "edge") as bus:
        app = build_app(
            bus=bus, objects=world.objects, redis=redis, verifier=Verifier(), nodes=NODES, rules=Rules(lists=lists)
        )
        async with serve_app(app, "127.0.0.1", 0, drain=1, gate=Gate(lists=lists)) as url:
            for sent in (b"", LAST):
                head, _, body = (await said(int(url.rpartition(":")[2]), sent)).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 403")
                assert b"application/problem+json" in head
                assert json.loads(body)["code"] == "address_denied"
    assert lists.counts == {"connection": 2}


async def test_behind_a_proxy_each_request_is_looked_at(nats_url: str, redis: Redis, world: World) -> None:
    """The address that a trusted proxy saw decides, on every route, known or not; not what a client wrote itself."""
    addresses = Addresses(networks("127.0.0.0/8"))
    lists = AddressLists(networks("203.0.113.0/24, 2001:db8:bad::/48"))
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, addresses=addresses, lists=lists) as edge:
        for path in ("/v1/me", "/v1/templates", "/healthz", "/nothing", "/"):
            for address in ("203.0.113.9", "2001:db8:bad::1", "192.0.2.1, 203.0.113.9"):
                denied = await edge.ask("GET", path, headers={"X-Forwarded-For": address})
                assert_problem(denied, 403, "address_denied")
        allowed = await edge.ask("GET", "/v1/me", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.1"})
        assert allowed.status == 200
        page = (await edge.ask("GET", "/metrics")).body.decode()
    assert 'covergen_denied_addresses_total{where="request"} 15.0' in page


async def test_administrators_have_a_list_of_their_own(nats_url: str, redis: Redis, world: World) -> None:
    """Their routes answer 403 from elsewhere, even to an administrator; other routes serve."""
    addresses, lists = Addresses(networks("127.0.0.0/8")), AddressLists(admin_allow=networks("10.0.0.0/8"))
    async with the_nodes(nats_url, world), an_edge(nats_url, redis, world, addresses=addresses, lists=lists) as edge:
        admin = world.bearer(roles=("admin",))
        for address, status in (("192.0.2.1", 403), ("10.1.2.3", 200)):
            headers = {**admin, "X-Forwarded-For": address}
            assert (await edge.ask("GET", "/v1/admin/dead-letters", headers=headers)).status == status
            assert (await edge.ask("GET", "/v1/me", headers=headers)).status == 200
    assert edge.world is world
    assert lists.counts == {"admin": 1}
