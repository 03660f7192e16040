"""Every route of the table as everybody who could ask it, in the whole product.

`pytest -s tests/e2e/test_matrix.py` prints the matrix.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest
from yarl import URL

from contracts.errors import ERRORS
from contracts.oauth import Refusal
from edge.cookies import FORM
from edge.problems import MEDIA
from edge.routes import ROUTES, Route
from tests.support.api import whole_stack
from tests.support.matrix import Asked, Caller, Cell, expected, table
from tests.support.matrix_callers import all_callers
from tests.support.matrix_row import Row
from tests.support.matrix_rows import ROWS
from tests.support.matrix_world import World, furnished
from tests.support.oidc_server import CLIENT_ID, SECRET, a_provider

pytestmark = pytest.mark.timeout(180)
CODES = {error.status: {each.code for each in ERRORS if each.status == error.status} for error in ERRORS}


def test_every_route_has_a_row() -> None:
    """A route that nobody has thought of as everybody would go in unseen."""
    assert {route.name for route in ROUTES} == set(ROWS)


async def test_everybody_gets_what_the_table_says(tmp_path: Path) -> None:
    """Access, scope and ownership hold on each route for each caller: no answer is wrong."""
    async with AsyncExitStack() as running:
        provider = await running.enter_async_context(a_provider())
        settings = {"COVERGEN_RATE_LIMITS": "off", "COVERGEN_OIDC": f"test-op={CLIENT_ID}:{SECRET}@{provider.url}"}
        stack = await running.enter_async_context(whole_stack(tmp_path, **settings))
        world = await running.enter_async_context(furnished(stack, provider, all_callers))
        cells = [cell for route in ROUTES for cell in await row_of(route, world)]
    print(f"\n{table(cells)}")  # noqa: T201 -- the matrix, for whoever asks for it with -s
    assert [cell for cell in cells if cell.wrong] == []
    assert len(cells) == len(ROUTES) * len(world.callers)


async def row_of(route: Route, world: World) -> list[Cell]:
    """What everybody gets, those who may not first: success may use up what the request names."""
    row = ROWS[route.name]
    shared = await row.make(world)
    refused: list[tuple[Caller, int]] = []
    served: list[tuple[Caller, int]] = []
    for caller in world.callers:
        right = row.exception(caller)
        wanted = expected(row.seen(route), caller, shared.owner) if right is None else right
        (served if wanted < 400 else refused).append((caller, wanted))
    cells = await asyncio.gather(*(cell(route, caller, wanted, shared, world) for caller, wanted in refused))
    for number, (caller, wanted) in enumerate(served):
        asked = await row.make(world) if row.fresh and number else shared
        asker = await world.twin(caller) if twinned(row, caller) else caller
        cells.append(await cell(route, asker, wanted, asked, world))
    order = [caller.column for caller in world.callers]
    return sorted(cells, key=lambda each: order.index(each.column))


def twinned(row: Row, caller: Caller) -> bool:
    """Does a twin ask in place of this caller?"""
    return caller.user_id is not None and (
        row.twin == "everybody" or (row.twin == "users" and "admin" not in caller.roles)
    )


async def cell(route: Route, caller: Caller, wanted: int, asked: Asked, world: World) -> Cell:
    """Ask once. A stream is not read to its end."""
    session, url = world.owner.session, world.owner.base + asked.path
    body, media = sent(asked)
    headers = {**caller.headers, **media, **asked.headers}
    if caller.sign is not None:
        headers |= caller.sign(route.method, url, body)
    there = URL(url, encoded=True)  # as it is signed
    async with session.request(
        route.method, there, headers=headers, data=body or None, allow_redirects=False
    ) as answer:
        problem = ""
        if answer.status >= 400:
            problem = flaw(route, answer.status, answer.content_type, await answer.read())
        return Cell(route, caller.column, wanted, answer.status, problem)


def sent(asked: Asked) -> tuple[bytes, dict[str, str]]:
    """The body of a request, with the header that names its type."""
    if asked.raw is not None:
        return asked.raw, {"Content-Type": "application/octet-stream"}
    if asked.form is not None:
        return urlencode(asked.form).encode(), {"Content-Type": FORM}
    if asked.body is not None:
        return msgspec.json.encode(asked.body), {"Content-Type": "application/json"}
    return b"", {}


def flaw(route: Route, status: int, media: str, body: bytes) -> str:
    """What is wrong with the body of a refusal; nothing, when it is a problem with a code of its status.

    Endpoints that clients ask refuse in the words of RFC 6749 5.2.
    """
    if route.handler == "oauth" and route.body == "form" and route.access == "public":
        return "" if msgspec.json.decode(body, type=Refusal).error == "invalid_request" else f"says {body!r}"
    if media != MEDIA:
        return f"is {media}"
    found = msgspec.json.decode(body)
    good = found["status"] == status and found["code"] in CODES[status] and found["detail"]
    return "" if good else f"says {found}"
