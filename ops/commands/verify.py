"""`verify`: what a file says of its origin, read on this machine."""

import argparse

import msgspec

from adapters.provenance.apart import Unreadable
from contracts.provenance import Provenance
from ops.commands.base import CommandFailed, say
from ops.content_credentials import trust_file
from ops.settings import Settings

VALID, INVALID, NOTHING = 0, 1, 2
"""Exit codes: credentials that are whole; broken ones, or no such file; none at all."""


def run_verify(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print what it says; the exit code is one of the three."""
    from adapters.provenance.reading import read  # noqa: PLC0415 -- a heavy library

    try:
        found = read(arguments.file.read_bytes(), trust_file(settings))
    except Unreadable as error:
        raise CommandFailed(f"{arguments.file}: {error}") from None
    if arguments.json:
        say(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        for line in lines(found):
            say(line)
    if not found.found:
        return NOTHING
    return VALID if found.valid else INVALID


def lines(found: Provenance) -> list[str]:
    """The same for people."""
    labels = [f"label {each.scheme}: {each.value}" for each in found.ai_labels]
    if not found.found:
        return ["no Content Credentials", *labels]
    trust = "by somebody we trust" if found.trusted else "by somebody whom no list of ours names"
    state = "valid" if found.valid else "INVALID"
    rows = [f"Content Credentials: {state}, signed {trust}: {found.issuer} with {found.claim_generator}"]
    rows += [f"time stamp: {found.signed_at}"] if found.signed_at else []
    rows += [f"action {each.action} by {each.software_agent} at {each.when}" for each in found.actions]
    rows += [
        f"made from: {each.relationship} ({', '.join(each.actions) or 'no history'})" for each in found.ingredients
    ]
    rows += [f"digital source type: {found.digital_source_type}", *labels]
    return rows + [f"problem: {each}" for each in found.problems]
