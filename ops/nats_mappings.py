"""The traffic between the versions of nodes as mappings of NATS: `nats/mappings.conf`, from weights.

What bears no user is mapped by weight, each message by itself. A user's requests bear the two digits of the user's
bucket; of the hundred buckets the canary has the first so many, as few rows as can say that: every message that is
sent is compared with every row. The rows do not overlap, because NATS tries them in no certain order.
"""

from collections.abc import Iterator, Mapping

from contracts.traffic import VERSIONED, Versions

Weights = Mapping[str, int]
"""Percent of the canary by node."""

HEAD = """\
# Generated from contracts/traffic.py and the weights (`covergen canary set`). Do not edit.
# A part of the account in accounts.conf; a node without a row is served by its stable version alone.
"""


def default_weights() -> Weights:
    """Those of the table."""
    return {node: versions.weight for node, versions in VERSIONED.items()}


def render_mappings(weights: Weights) -> str:
    """The text of `mappings.conf`; without any row it has no mappings, which cost nothing then."""
    rows = [row for node, weight in sorted(weights.items()) if weight for row in _rows(node, VERSIONED[node], weight)]
    if not rows:
        return HEAD
    return HEAD + "mappings {\n" + "".join(f"  {row}\n" for row in rows) + "}\n"


def _rows(node: str, versions: Versions, weight: int) -> Iterator[str]:
    stable, canary = (f"svc.{node}.{version}.{{{{wildcard(1)}}}}" for version in (versions.stable, versions.canary))
    shares = [(stable, 100 - weight), (canary, weight)]
    found = ", ".join(f'{{destination: "{to}", weight: {share}%}}' for to, share in shares if share)
    yield f'"svc.{node}.*": [{found}]'
    for digits in buckets(weight):
        yield f'"svc.{node}.*.{digits}": "{canary}"'


def buckets(weight: int) -> Iterator[str]:
    """The last two tokens of the buckets below `weight`: whole tens by a wildcard, the rest one by one."""
    tens, units = divmod(weight, 10)
    if tens == 10:
        yield "*.*"
        return
    yield from (f"{ten}.*" for ten in range(tens))
    yield from (f"{tens}.{unit}" for unit in range(units))
