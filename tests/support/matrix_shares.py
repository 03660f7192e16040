"""The rows of links to covers."""

from collections.abc import Mapping
from typing import Any

from tests.support.matrix import Asked
from tests.support.matrix_row import Row, fresh, own, owner_of
from tests.support.matrix_world import World

SHARES = "/v1/covers/{cover_id}/shares"


async def _link(world: World) -> Any:
    return await world.made("POST", SHARES.format_map(world.ids), {"expires_in_days": 1})


async def _own_link(world: World) -> Asked:
    made = await _link(world)
    return Asked(path=f"{SHARES.format_map(world.ids)}/{made['share_id']}", owner=owner_of(world))


def _behind(more: str = "") -> Row:
    """What is behind a link; one is enough for all who look."""

    async def make(world: World) -> Asked:
        if "token" not in world.ids:
            world.ids["token"] = (await _link(world))["url"].rpartition("/")[2]
        return Asked(path=f"/s/{world.ids['token']}{more}")

    return Row(make=make)


SHARE_ROWS: Mapping[str, Row] = {
    "POST /v1/covers/{cover_id}/shares": own(SHARES, {"expires_in_days": 1}),
    "GET /v1/covers/{cover_id}/shares": own(SHARES),
    "DELETE /v1/covers/{cover_id}/shares/{share_id}": fresh(_own_link),
    "GET /s/{token}": _behind(),
    "GET /s/{token}/image": _behind("/image"),
}
