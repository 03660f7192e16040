"""Every route of the table as everybody who could ask it, in the whole product.

`pytest -s tests/e2e/test_matrix.py` prints the matrix.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.errors import ERRORS
from edge.problems import MEDIA
from edge.routes import ROUTES, Route
from tests.support.api import whole_stack
from tests.support.matrix import Asked, Caller, Cell, expected, table
from tests.support.matrix_rows import ROWS, Row
from tests.support.matrix_world import World, furnished

pytestmark = pytest.mark.timeout(180)
CODES = {error.status: {each.code for each in ERRORS if each.status == error.status} for error in ERRORS}


def test_every_route_has_a_row() -> None:
    """A route that nobody has thought of as everybody would go in unseen."""
    assert {route.name for route in ROUTES} == set(ROWS)


async def test_everybody_gets_what_the_table_says(tmp_path: Path) -> None:
    """Access, scope and ownership hold on each route for each caller: no answer is wrong."""
    async with whole_stack(tmp_path, COVERGEN_RATE_LIMITS="off") as stack, furnished(stack) as world:
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
        right = next((row.refuses[role] for role in caller.roles if role in row.refuses), None)
        wanted = expected(route, caller, shared.owner) if right is None else right
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
    return caller.user_id is not None and (row.twin == "everybody" or (row.twin == "users" and not caller.roles))


async def cell(route: Route, caller: Caller, wanted: int, asked: Asked, world: World) -> Cell:
    """Ask once. A stream is not read to its end."""
    request: dict[str, Any] = {"headers": {**caller.headers, **asked.headers}, "allow_redirects": False}
    if asked.body is not None:
        request["json"] = asked.body
    session, url = world.owner.session, world.owner.base + asked.path
    async with session.request(route.method, url, **request) as answer:
        problem = ""
        if answer.status >= 400:
            problem = flaw(answer.status, answer.content_type, await answer.read())
        return Cell(route, caller.column, wanted, answer.status, problem)


def flaw(status: int, media: str, body: bytes) -> str:
    """What is wrong with the body of a refusal; nothing, when it is a problem with a code of its status."""
    if media != MEDIA:
        return f"is {media}"
    found = msgspec.json.decode(body)
    good = found["status"] == status and found["code"] in CODES[status] and found["detail"]
    return "" if good else f"says {found}"
