"""Styles for tests."""

import uuid
from datetime import UTC, datetime

from contracts.templates import CreateTemplate, StyleParams, Template


def a_style(*, is_premium: bool = False) -> Template:
    """A style as the templates node gives it."""
    return Template(
        id=uuid.uuid4(),
        name="Plain",
        category="art",
        prompt_template="{title}, {prompt}",
        style_params=StyleParams(family="mesh"),
        popularity_score=7,
        is_premium=is_premium,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def an_order(name: str, *, category: str = "art", is_premium: bool = False, popularity: int = 0) -> CreateTemplate:
    """An order for a new style."""
    return CreateTemplate(
        name=name,
        category=category,
        prompt_template="{title}, {prompt}",
        style_params=StyleParams(family="mesh", palette=("#102030",), options={"flow": 0.5, "form": "orb"}),
        is_premium=is_premium,
        popularity_score=popularity,
    )
