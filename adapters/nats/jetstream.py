"""Questions to JetStream's own API (`$JS.API...`), answered as JSON."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.nats.bus import Bus
from adapters.nats.wire import MESSAGE_ID
from contracts.errors import Unavailable
from contracts.wire import Context

NO_STREAM, NO_MESSAGE, NOT_DELETED = 10059, 10037, 10057
"""Codes of errors that a caller may take for an answer."""
CALL_TIMEOUT = 10.0
READ_MOST = 1000
"""Messages that `message_ids` reads, which takes about half a second."""


async def ask(bus: Bus, api: str, body: dict[str, Any], *, allowed: int = NO_MESSAGE) -> dict[str, Any]:
    """The answer of `$JS.API.<api>`; the `allowed` error is one too. Raises Unavailable for any other."""
    reply = await bus.request_raw(f"$JS.API.{api}", msgspec.json.encode(body), Context.new(), CALL_TIMEOUT)
    answer: dict[str, Any] = msgspec.json.decode(reply)
    code = answer.get("error", {}).get("err_code")
    if code == NO_STREAM:
        raise Unavailable(f"there is no stream {api.rpartition('.')[2]} here: run `covergen migrate`")
    if code not in (None, allowed):
        raise Unavailable(f"JetStream refused: {answer['error'].get('description', code)}")
    return answer


def stored_headers(message: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a message as `STREAM.MSG.GET` answers it: after the version line, one `Name: text` a line."""
    lines = base64.b64decode(message.get("hdrs", "")).decode(errors="replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name: text.strip() for name, _, text in pairs}


async def message_ids(bus: Bus, stream: str, subject: str, most: int = READ_MOST) -> frozenset[str] | None:
    """The `Nats-Msg-Id`s of what is on a subject of a stream; None when there are more than `most` messages.

    One question per message, as a work queue has no other way to look at it without taking from it. Raises Unavailable.
    """
    found: set[str] = set()
    wanted: dict[str, Any] = {"seq": 1, "next_by_subj": subject}
    for _ in range(most):
        message = (await ask(bus, f"STREAM.MSG.GET.{stream}", wanted)).get("message")
        if message is None:
            return frozenset(found)
        found.add(stored_headers(message).get(MESSAGE_ID, ""))
        wanted["seq"] = message["seq"] + 1
    return None
