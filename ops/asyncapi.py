"""The AsyncAPI 3.0 document, derived from the contracts: channels are subjects, operations say who receives what.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from typing import Any

import msgspec

from contracts.errors import Problem
from contracts.registry import CONTRACTS, ENDPOINTS, EVENTS, QUEUES
from contracts.wire import Endpoint, Event, WorkQueue
from edge.openapi_examples import example

SCHEMA_REF = "#/components/schemas/{name}"
MESSAGE_REF = "#/components/messages/"
CONTEXT: dict[str, Any] = {
    "type": "object",
    "description": "The context of the request that a message is part of; a tool may leave all of it out",
    "properties": {
        "request-id": {"type": "string", "description": "As it is in all logs"},
        "user-id": {"type": "string", "format": "uuid", "description": "Whose request it is"},
        "tier": {"type": "string", "description": "The plan of that user"},
        "roles": {"type": "string", "description": "With commas between"},
        "deadline": {"type": "string", "description": "Unix time after which nobody waits for the answer"},
        "traceparent": {"type": "string", "description": "W3C trace context"},
        "tracestate": {"type": "string", "description": "the same, of other systems"},
        "region": {"type": "string"},
        "idempotency-key": {"type": "string"},
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "description": "ADR-32: by these a client of NATS knows that a reply is an error",
    "required": ["Nats-Service-Error", "Nats-Service-Error-Code"],
    "properties": {
        "Nats-Service-Error": {"type": "string", "description": "The sentence of `detail`, in ASCII"},
        "Nats-Service-Error-Code": {"type": "string", "pattern": "^[1-5][0-9][0-9]$", "description": "The status"},
    },
}
"""Headers of messages."""


def asyncapi() -> dict[str, Any]:
    """The whole document."""
    types = _message_types()
    _, schemas = msgspec.json.schema_components(types, ref_template=SCHEMA_REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Covergen on NATS",
            "version": "1.0.0",
            "description": "Requests (`svc`), durable work (`jobs`, JOBS and DELAYED), facts (`events`, EVENTS).",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:4222", "protocol": "nats"}},
        "channels": {_key(contract): _channel(contract) for contract in CONTRACTS},
        "operations": {_key(contract): _operation(contract) for contract in CONTRACTS},
        "components": {
            "messages": {_name(each): _message(each, schemas) for each in types},
            "schemas": {**schemas, "Context": CONTEXT},
        },
    }


def _message_types() -> list[type[Any]]:
    found: list[type[Any]] = [Problem]
    for endpoint in ENDPOINTS:
        found += [endpoint.request, endpoint.reply]
    found += [queue.message for queue in QUEUES] + [event.message for event in EVENTS]
    return sorted(set(found), key=lambda each: (each.__name__, each.__module__))


def _key(contract: Endpoint[Any, Any] | WorkQueue[Any] | Event[Any]) -> str:
    return contract.subject.replace(".", "_")


def _name(message: type[Any]) -> str:
    return message.__name__


def _message(message: type[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = _name(message)
    return {
        "name": name,
        "summary": (message.__doc__ or name).partition("\n")[0],
        "headers": ERROR if message is Problem else {"$ref": "#/components/schemas/Context"},
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": [{"name": name, "payload": example(name, schemas)}],
    }


def _messages(*types: type[Any]) -> dict[str, Any]:
    return {_name(each): {"$ref": MESSAGE_REF + _name(each)} for each in types}


def _channel(contract: Endpoint[Any, Any] | WorkQueue[Any] | Event[Any]) -> dict[str, Any]:
    if isinstance(contract, Endpoint):
        types = (contract.request, contract.reply, Problem)
        return {"address": contract.subject, "description": contract.about, "messages": _messages(*types)}
    parties = contract.producers if isinstance(contract, WorkQueue) else contract.listeners | contract.watchers
    word = "x-producers" if isinstance(contract, WorkQueue) else "x-listeners"
    channel = {
        "address": contract.subject,
        "description": contract.about,
        "messages": _messages(contract.message),
        "x-stream": contract.stream,
        word: sorted(parties),
    }
    return channel | _lanes(contract) if isinstance(contract, WorkQueue) and contract.lanes else channel


def _lanes(queue: WorkQueue[Any]) -> dict[str, Any]:
    """Where the lanes of a queue are, and the share of free slots that each gets."""
    names = {"enum": [lane.name for lane in queue.lanes], "default": queue.lanes[-1].name}
    return {
        "address": f"{queue.subject}.{{lane}}",
        "parameters": {"lane": names},
        "x-weights": {lane.name: lane.weight for lane in queue.lanes},
    }


def _operation(contract: Endpoint[Any, Any] | WorkQueue[Any] | Event[Any]) -> dict[str, Any]:
    channel = f"#/channels/{_key(contract)}"
    operation: dict[str, Any] = {
        "action": "send" if isinstance(contract, Event) else "receive",
        "channel": {"$ref": channel},
        "summary": contract.about,
        "x-node": contract.node,
    }
    if not isinstance(contract, Endpoint):
        return operation | {"messages": [{"$ref": f"{channel}/messages/{_name(contract.message)}"}]}
    return operation | {
        "messages": [{"$ref": f"{channel}/messages/{_name(contract.request)}"}],
        "x-callers": sorted(contract.callers),
        "x-timeout-seconds": contract.timeout,
        "reply": {
            "channel": {"$ref": channel},
            "messages": [{"$ref": f"{channel}/messages/{_name(each)}"} for each in (contract.reply, Problem)],
        },
    }
