"""Makes NATS hold the streams and consumers that the contracts ask for. Doing it again changes nothing."""

import logging
from typing import Any

import msgspec

from adapters.nats.bus import Bus
from contracts.wire import Context
from ops.failure import Failure
from ops.nats_config import consumers, retired, streams

log = logging.getLogger(__name__)

NOT_FOUND = 404
CALL_TIMEOUT = 10.0


class ProvisioningFailed(Failure):
    """JetStream did not accept a stream or consumer; the message says which and why."""


async def provision_streams(bus: Bus, *, replicas: int = 1) -> None:
    """Create what is missing, bring up to date what differs. Raises ProvisioningFailed, Unavailable."""
    for config in streams(replicas):
        name = config["name"]
        found = await _call(bus, f"STREAM.INFO.{name}", {})
        verb = "CREATE" if _missing(found) else "UPDATE"
        if verb == "CREATE" or _differs(found["config"], config):
            _check(await _call(bus, f"STREAM.{verb}.{name}", config), f"stream {name}")
    for stream, durable in retired():
        gone = await _call(bus, f"CONSUMER.DELETE.{stream}.{durable}", {})
        if not _missing(gone):
            _check(gone, f"consumer {durable}")
    for request in consumers():
        await _make(bus, request)


async def _make(bus: Bus, request: dict[str, Any]) -> None:
    config = request["config"]
    api = f"CONSUMER.CREATE.{request['stream_name']}.{config['durable_name']}"
    if "filter_subject" in config:  # with several filters their names are not part of the call
        api += f".{config['filter_subject']}"
    _check(await _call(bus, api, request), f"consumer {config['durable_name']}")


def _missing(answer: dict[str, Any]) -> bool:
    return bool(answer.get("error", {}).get("code") == NOT_FOUND)


def _differs(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return any(found.get(key) != value for key, value in wanted.items())


def _check(answer: dict[str, Any], what: str) -> None:
    if "error" in answer:
        raise ProvisioningFailed(f"{what}: {answer['error'].get('description', 'refused')}")


async def _call(bus: Bus, api: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await bus.request_raw(f"$JS.API.{api}", msgspec.json.encode(body), Context.new(), CALL_TIMEOUT)
    answer: dict[str, Any] = msgspec.json.decode(reply)
    return answer
