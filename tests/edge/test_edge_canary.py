"""Beta users at the edge: who may ask for the canary of a node, and who is told which version served."""

from contracts import covers
from contracts.covers import CoverPage
from contracts.errors import NotFound
from contracts.wire import Context
from nodes.bindings import serve
from tests.edge.conftest import Edge
from tests.support.buses import SmallService, a_node

BETA = {"X-User-Type": "beta"}


async def test_a_signed_in_beta_user_gets_the_canary(edge: Edge, nats_url: str) -> None:
    """With the header v2 serves and the answer says so, without it v1; its errors say so too."""
    asked: list[str | None] = []

    async def shelf(_message: covers.ListCovers, context: Context) -> CoverPage:
        asked.append(context.sender)
        assert context.beta
        return CoverPage(items=())

    async def missing(_message: covers.GetCover, _context: Context) -> covers.Cover:
        raise NotFound()

    canary = SmallService("covers", serve(covers.LIST, shelf), serve(covers.GET, missing))
    async with a_node(nats_url, canary, place="v2"):
        beta = await edge.ask("GET", "/v1/covers", headers=BETA)
        plain = await edge.ask("GET", "/v1/covers")
        other = await edge.ask("GET", "/v1/covers", headers={"X-User-Type": "v2"})
        failed = await edge.ask("GET", f"/v1/covers/{edge.user}", headers=BETA)

    assert [(each.status, each.headers["X-Covergen-Version"]) for each in (beta, plain, other, failed)] == [
        (200, "v2"),
        (200, "v1"),
        (200, "v1"),
        (404, "v2"),
    ]
    assert len(asked) == 1


async def test_without_a_canary_beta_users_are_served(edge: Edge) -> None:
    """With no instance of v2 the stable version answers, once."""
    before = edge.world.count(covers.LIST)
    beta = await edge.ask("GET", "/v1/covers", headers=BETA)

    assert (beta.status, beta.headers["X-Covergen-Version"]) == (200, "v1")
    assert edge.world.count(covers.LIST) == before + 1


async def test_strangers_cannot_choose(edge: Edge) -> None:
    """Who is not signed in is told of no version, and the header changes nothing for a node without a canary."""
    stranger = await edge.ask("GET", "/v1/covers", signed=False, headers=BETA)
    templates = await edge.ask("GET", "/v1/templates", signed=False, headers=BETA)
    mine = await edge.ask("GET", "/v1/me", headers=BETA)

    assert (stranger.status, templates.status, mine.status) == (401, 200, 200)
    assert all("X-Covergen-Version" not in each.headers for each in (stranger, templates, mine))
