"""The form of the data files under `rules/`, and reading them. Every mistake in them is an error when they are read."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

RULES = Path(__file__).parent / "rules"
MASK = "fine"
"""The label of phrases that are always fine: what lies inside one of them matches no rule."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a finding: any phrase of `phrases`, or phrases of every entry of `near` within `within` words.

    An entry of `near` may name alternatives, `nudity|sexual_topic`.
    """

    category: str
    decision: Literal["review", "block"]
    phrases: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    within: int = 6
    unless: tuple[str, ...] = ()
    """Lists of context: when one of them occurs anywhere in the request, the decision is `otherwise`."""
    otherwise: Literal["allow", "review"] = "review"
    fields: tuple[str, ...] = ()
    """Only in these fields; empty: in all."""

    def lists(self) -> set[str]:
        """The names of all lists it refers to."""
        groups = {name for entry in self.near for name in entry.split("|")}
        return groups | set(self.phrases) | set(self.unless)


class Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A regular expression over the text in compatibility form, and a named check of what it finds."""

    category: str
    decision: Literal["review", "block"]
    pattern: str
    check: Literal["none", "luhn", "iban", "phone"] = "none"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All data files together."""

    rules: tuple[Rule, ...]
    patterns: tuple[Pattern, ...]
    lists: Mapping[str, tuple[str, ...]]
    """Phrases by the name of their list, of all languages together."""
    lookalikes: Mapping[str, str]


class _PolicyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]
    pattern: tuple[Pattern, ...]


class _Lookalikes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    looks: dict[str, str]
    """Latin letter to all characters that look like it."""


def read_policy(folder: Path = RULES) -> Policy:
    """The policy in `folder`. Raises ValueError for a list without words or without a rule, or a bad file."""
    file = msgspec.convert(_toml(folder / "policy.toml"), _PolicyFile)
    lists: dict[str, list[str]] = {MASK: []}
    for path in (folder / "titles.toml", *sorted((folder / "words").glob("*.toml"))):
        for name, phrases in msgspec.convert(_toml(path), dict[str, list[str]]).items():
            lists.setdefault(name, []).extend(phrases)
    used = {name for rule in file.rule for name in rule.lists()} | {MASK}
    if used ^ lists.keys():
        raise ValueError(f"lists without a rule, or rules without a list: {sorted(used ^ lists.keys())}")
    looks = msgspec.convert(_toml(folder / "lookalikes.toml"), _Lookalikes).looks
    return Policy(
        rules=file.rule,
        patterns=file.pattern,
        lists={name: tuple(phrases) for name, phrases in lists.items()},
        lookalikes={char: latin for latin, chars in looks.items() for char in chars},
    )


def _toml(path: Path) -> object:
    with path.open("rb") as file:
        return tomllib.load(file)
