"""The faster inner functions of the NATS client do what nats-py's do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.errors import BadHeaderError

from adapters.nats.client import LeanClient
from contracts.wire import Context
from tests.support.buses import a_bus

CONTEXT = Context.new(timeout=5).headers()


async def frames(client: Client, *messages: dict[str, str]) -> list[bytes]:
    """What the client would send for messages with these headers."""
    sent: list[bytes] = []

    async def keep(frame: bytes, priority: bool = False) -> None:
        sent.append(frame)

    client._send_command = keep  # type: ignore[assignment, method-assign]  # the seam between making a frame and sending it
    for headers in messages:
        await client._send_publish("svc.users.get", "_INBOX.1", b"{}", 2, headers)
    return sent


@pytest.mark.parametrize(
    "headers",
    [CONTEXT, {"a": "two\r\nlines"}, {"a": "two\nlines"}, {"a": "ü"}, {"a": ""}, {" a ": " b "}, {"": "b", "c": "d"}],
    ids=["context", "crlf", "lf", "not ascii", "empty", "padded", "no name"],
)
async def test_frames_are_those_of_nats_py(headers: dict[str, str]) -> None:
    """The first message, by nats-py itself, and the next ones have the same bytes as with its own client."""
    assert await frames(LeanClient(), headers, headers, headers) == await frames(Client(), headers, headers, headers)


async def test_a_bad_name_is_refused_every_time() -> None:
    """A name that could end the block or add a header never becomes a known one."""
    client = LeanClient()
    for _ in range(2):
        with pytest.raises(BadHeaderError):
            await frames(client, {"a: b\r\nc": "d"})


@given(st.one_of(st.binary(max_size=60), st.from_regex(rb"([a-zA-Z :\t-]{0,9}: ?[ -~]{0,9}\r\n){0,4}", fullmatch=True)))
def test_headers_are_read_as_by_nats_py(raw: bytes) -> None:
    """Whatever the bytes are."""
    assert LeanClient._parse_header_lines(raw) == Client._parse_header_lines(raw)


async def test_headers_arrive_as_they_were_sent(nats_url: str) -> None:
    """Over a real server, the second time too."""
    async with a_bus(nats_url) as bus:
        sent: dict[str, Any] = {**CONTEXT, "name": "Zoë: a – b"}
        subscription = await bus.connection.client.subscribe("here")
        for _ in range(2):
            await bus.connection.client.publish("here", b"", headers=sent)
            assert (await subscription.next_msg(2)).headers == sent
