"""Questions to JetStream's own API (`$JS.API...`), answered as JSON."""

from typing import Any

import msgspec

from adapters.nats.bus import Bus
from contracts.errors import Unavailable
from contracts.wire import Context

NO_STREAM, NO_MESSAGE, NOT_DELETED = 10059, 10037, 10057
"""Codes of errors that a caller may take for an answer."""
CALL_TIMEOUT = 10.0


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
