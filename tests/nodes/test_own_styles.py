"""Own styles that are changed and removed by their owner."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from contracts import templates
from contracts.errors import Conflict, Invalid, NotFound, ServiceError, Unauthenticated
from contracts.templates import (
    ChooseTemplate,
    DeleteUserTemplate,
    ListUserTemplates,
    SaveUserTemplate,
    StyleParams,
    UpdateUserTemplate,
    UserTemplate,
)
from contracts.wire import Context
from nodes.templates import service as templates_service
from tests.nodes.test_templates import Lab, a_lab, admin, user
from tests.support.servers import MongoDatabase

INK = StyleParams(family="ink", palette=("#102030",))


@pytest_asyncio.fixture
async def lab(nats_url: str, mongo_database: MongoDatabase) -> AsyncIterator[Lab]:
    async with a_lab(nats_url, mongo_database) as lab:
        yield lab


async def a_style(lab: Lab) -> UserTemplate:
    """An own style of the user."""
    base = await lab.make("Base")
    ask = SaveUserTemplate(template_id=base.id, name="Mine", customizations=INK)
    return await lab.bus.request(templates.SAVE_MINE, ask, user())


async def removed(lab: Lab, template_id: uuid.UUID, context: Context) -> type[ServiceError] | None:
    """What the removing raises."""
    try:
        await lab.bus.request(templates.DELETE_MINE, DeleteUserTemplate(template_id=template_id), context)
    except ServiceError as error:
        return type(error)
    return None


async def change(lab: Lab, own: UserTemplate, context: Context, **fields: Any) -> UserTemplate:
    """The own style after these changes."""
    order = msgspec.convert({"template_id": own.id, **fields}, UpdateUserTemplate)
    return await lab.bus.request(templates.UPDATE_MINE, order, context)


async def test_an_own_style_is_removed_by_its_owner_only(lab: Lab) -> None:
    """It is gone from list and choice; again, and for everybody else, and for what is no own style, there is none."""
    mine = await a_style(lab)
    assert await removed(lab, mine.id, admin()) is NotFound
    assert await removed(lab, mine.template_id, user()) is NotFound
    assert await removed(lab, mine.id, Context.new()) is Unauthenticated
    assert (await lab.bus.request(templates.LIST_MINE, ListUserTemplates(), user())).items == (mine,)
    endings = await asyncio.gather(*(removed(lab, mine.id, user()) for _ in range(4)))
    assert (endings.count(None), endings.count(NotFound)) == (1, 3)
    assert (await lab.bus.request(templates.LIST_MINE, ListUserTemplates(), user())).items == ()
    with pytest.raises(NotFound):
        await lab.bus.request(templates.CHOOSE, ChooseTemplate(template_id=mine.id), user())
    assert (await lab.get(mine.template_id)).name == "Base"


async def test_an_own_style_is_changed_by_its_owner_only(lab: Lab) -> None:
    """Fields that are left out stay; what cannot be painted is refused by name; others have no such style."""
    mine = await a_style(lab)
    renamed = await change(lab, mine, user(), name="Ours")
    assert renamed == msgspec.structs.replace(mine, name="Ours")
    mesh = msgspec.structs.replace(INK, family="mesh")
    changed = await change(lab, mine, user(), customizations=msgspec.to_builtins(mesh))
    assert changed == msgspec.structs.replace(renamed, customizations=mesh)
    assert await change(lab, mine, user()) == changed
    with pytest.raises(Invalid) as invalid:
        await change(lab, mine, user(), customizations={"family": "nobody"})
    assert [error.field for error in invalid.value.errors] == ["customizations.family"]
    with pytest.raises(NotFound):
        await change(lab, mine, admin(), name="Theirs")
    chosen = await lab.bus.request(templates.CHOOSE, ChooseTemplate(template_id=mine.id), user())
    assert (chosen.name, chosen.style_params) == ("Ours", mesh)


async def test_no_more_own_styles_fit_than_may_be(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come at the same time; a key that made one of them gives it again when all is full."""
    monkeypatch.setattr(templates_service, "MOST_OWN", 3)
    base = await lab.make("Base")
    ask = SaveUserTemplate(template_id=base.id, name="Mine", customizations=INK)
    asks = [lab.bus.request(templates.SAVE_MINE, ask, user(key=f"k{number}")) for number in range(20)]
    endings = await asyncio.gather(*asks, return_exceptions=True)
    assert {type(each) for each in endings} <= {UserTemplate, Conflict}
    for number in range(4):
        await saved(lab, ask, f"k{number}")
    kept = (await lab.bus.request(templates.LIST_MINE, ListUserTemplates(), user())).items
    assert len(kept) == 3
    again = [await saved(lab, ask, f"k{number}") for number in range(20)]
    assert sorted(each.id for each in again if each) == sorted(each.id for each in kept)


async def saved(lab: Lab, ask: SaveUserTemplate, key: str) -> UserTemplate | None:
    """The own style that this key makes, or has made; None when no more fit."""
    try:
        return await lab.bus.request(templates.SAVE_MINE, ask, user(key=key))
    except Conflict:
        return None
