"""The files of this repository that are generated from contracts and settings."""

from pathlib import Path

import msgspec

from edge.graphql.schema import built
from ops.asyncapi import asyncapi
from ops.nats_accounts import render_accounts
from ops.nats_config import consumers, streams
from ops.nats_mappings import default_weights, render_mappings
from ops.paths import ROOT
from ops.settings_table import render_env_example


def rendered() -> dict[Path, str]:
    """The text that each generated file should have."""
    layout = {"streams": streams(), "consumers": consumers()}
    return {
        ROOT / "nats" / "accounts.conf": render_accounts(),
        ROOT / "nats" / "mappings.conf": render_mappings(default_weights()),
        ROOT / "nats" / "streams.json": _json(layout),
        ROOT / "asyncapi.json": _json(asyncapi()),
        ROOT / "edge" / "graphql" / "schema.graphql": built().text,
        ROOT / ".env.example": render_env_example(),
    }


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
