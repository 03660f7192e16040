"""`keys`: which keys sign tokens, and the next one."""

import argparse

import msgspec

from contracts import token_keys
from contracts.token_keys import ListTokenKeys, RotateKeys, TokenKeyList
from contracts.wire import Context
from ops.commands.base import CommandFailed, show_table
from ops.operating import operator_bus
from ops.settings import Settings

COLUMNS = ("kid", "alg", "state", "created_at", "signs_from", "retires_at")
OPERATOR = ("admin",)
"""The role of whoever may use the operator's bus."""


async def run_keys(settings: Settings, arguments: argparse.Namespace) -> int:
    """`list`, or `rotate` with `--alg` and `--now`."""
    if arguments.verb == "list" and arguments.now:
        raise CommandFailed("--now goes with rotate")
    context = msgspec.structs.replace(Context.new(timeout=token_keys.ROTATE_KEYS.timeout), roles=OPERATOR)
    async with operator_bus(settings) as bus:
        if arguments.verb == "rotate":
            order = RotateKeys(alg=arguments.alg, at_once=arguments.now)
            keys = await bus.request(token_keys.ROTATE_KEYS, order, context)
        else:
            keys = await bus.request(token_keys.LIST_TOKEN_KEYS, ListTokenKeys(), context)
    show_table(COLUMNS, _rows(keys), as_json=arguments.json)
    return 0


def _rows(keys: TokenKeyList) -> list[tuple[str, ...]]:
    facts = (msgspec.to_builtins(key) for key in keys.items)
    return [tuple("-" if fact[column] is None else str(fact[column]) for column in COLUMNS) for fact in facts]
