"""The faster inner functions of the NATS client do what nats-py's do."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
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


Seen = tuple[str, str, bytes, dict[str, str] | None]


async def seen_by(stream: bytes, pieces: int, *, direct: bool) -> list[Seen]:
    """What a subscription is given of a stream of bytes that comes in pieces of this size."""
    client, seen = LeanClient(), list[Seen]()

    async def later(message: Msg) -> None:
        seen.append((message.subject, message.reply, message.data, message.headers))

    subscription = Subscription(client, 7, "a.*", cb=later)
    client._subs[7] = subscription
    subscription._start(None)
    if direct:
        client._takers[7] = lambda *message: seen.append(message)
    for at in range(0, len(stream), pieces):
        await client._ps.parse(stream[at : at + pieces])
    await subscription._pending_queue.join()
    subscription._stop_processing()
    return seen


@pytest.mark.parametrize("pieces", [1, 2, 7, 40, 64, 10_000])
async def test_messages_handed_over_are_those_of_nats_py(pieces: int) -> None:
    """However the stream is cut, with and without headers and replies, and between messages of others."""
    client = LeanClient()
    client._known = frozenset(CONTEXT)
    head = (client._block(CONTEXT) or "").encode()
    stream = b"MSG a.b 7 2\r\n{}\r\nMSG a.c 7 in.1 4\r\n\r\n\r\n\r\nPONG\r\nMSG x 9 3\r\nMSG\r\n"
    stream += b"HMSG a.d 7 in.2 %d %d\r\n%b[]\r\n" % (len(head), len(head) + 2, head)
    stream += b"HMSG a.e 7 16 16\r\nNATS/1.0 503\r\n\r\n\r\nMSG a.f 7 0\r\n\r\n"
    found = await seen_by(stream, pieces, direct=True)
    assert len(found) == 5
    assert sorted(found, key=str) == sorted(await seen_by(stream, pieces, direct=False), key=str)


async def test_a_taker_that_fails_does_not_end_the_reader(nats_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The failure is logged, and the next message is taken."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    def take(_subject: str, _reply: str, body: bytes, _headers: dict[str, str] | None) -> None:
        heard.put_nowait(body)
        if body == b"bad":
            raise ValueError(body)

    async with a_bus(nats_url) as bus:
        await bus.connection.client.listen("here", take)
        for body in (b"bad", b"good"):
            await bus.connection.client.publish("here", body)
            assert await asyncio.wait_for(heard.get(), 2) == body
    assert "a message was not taken" in caplog.text


async def test_a_slow_reader_gets_everything(nats_url: str) -> None:
    """More than a socket takes at once arrives whole and in order."""
    heard: list[bytes] = []
    done = asyncio.Event()

    def take(_subject: str, _reply: str, body: bytes, _headers: dict[str, str] | None) -> None:
        heard.append(body)
        if len(heard) == 64:
            done.set()

    async with a_bus(nats_url) as bus, a_bus(nats_url) as other:
        await bus.connection.client.listen("here", take)
        await bus.connection.settled()
        sent = [bytes([number]) * 500_000 for number in range(64)]
        for body in sent:
            await other.connection.client.publish("here", body)
        await asyncio.wait_for(done.wait(), 20)
    assert heard == sent
