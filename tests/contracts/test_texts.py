"""Patterns of text fields: what they keep out, and that none lets a newline follow."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from contracts.registry import CONTRACTS
from contracts.text import ONE_LINE, PROSE, SENTENCES
from contracts.wire import Endpoint


def patterns(schema: Any) -> Iterator[str]:
    """Every pattern in a JSON Schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for value in schema.values():
            yield from patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns(value)


def test_every_pattern_has_a_sentence_and_an_end() -> None:
    """People are told what is wanted, never a regular expression; and `$` alone is not the end of a text."""
    types = {c.request if isinstance(c, Endpoint) else c.message for c in CONTRACTS}
    _, schemas = msgspec.json.schema_components(types)
    found = set(patterns(schemas))

    assert len(found) > 5
    assert found <= set(SENTENCES)
    assert all(pattern.endswith(r"$(?!\n)") for pattern in found)


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\n", "\x00", "a\x07", "\u2003"])
def test_one_line_keeps_out(text: str) -> None:
    """Empty, blank, line breaks and control characters."""
    assert re.search(ONE_LINE, text) is None


@pytest.mark.parametrize("text", ["a", " The Salt Road ", "Été", "北へ", "-"])
def test_one_line_lets_in(text: str) -> None:
    """Titles as people write them."""
    assert re.search(ONE_LINE, text)


def test_prose_has_line_breaks_but_no_nul() -> None:
    """A prompt may have paragraphs."""
    assert re.search(PROSE, "a\nb\n")
    assert re.search(PROSE, "")
    assert re.search(PROSE, "a\x00b") is None
