"""The documents for machines: valid by their own schemas, with examples that hold, errors and headers everywhere."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from contracts.errors import ERRORS
from edge.openapi import openapi
from edge.openapi_words import TAGS
from edge.problems import MEDIA
from edge.routes import ROUTES, Route
from ops.asyncapi import asyncapi
from tests.edge.conftest import Edge

Json = dict[str, Any]
DOCUMENT = openapi(ROUTES, version="1.2.3")
CODES = {error.code: error.status for error in ERRORS}
PAGE = {"text/html": {"schema": {"type": "string"}}}
NO_EXAMPLE = ("string", "object")
"""Types of answers without fields: pictures, pages, documents."""


def operations() -> Iterator[tuple[Route, Json]]:
    """Each route with its operation."""
    for route in ROUTES:
        yield route, DOCUMENT["paths"][route.path][route.method.lower()]


def resolved(value: Json) -> Json:
    """What a reference leads to."""
    if "$ref" not in value:
        return value
    _, _, kind, name = value["$ref"].split("/")
    found: Json = DOCUMENT["components"][kind][name]
    return found


def flaws(schema: Json, value: Any) -> list[str]:
    """What of a value breaks its schema."""
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(value)]


def test_the_document_is_openapi_3_1() -> None:
    """By the specification's own schema."""
    errors = Draft202012Validator(OPENAPI_31).iter_errors(DOCUMENT)
    assert [(list(error.absolute_path), error.message) for error in errors] == []


def test_every_operation_says_what_it_is() -> None:
    """A summary, a tag that is explained, a name of its own, and who may ask."""
    for route, operation in operations():
        assert operation["summary"], route.name
        assert set(operation["tags"]) <= set(TAGS), route.name
        assert operation["operationId"], route.name
        proven = route.access != "public" or (route.handler == "oauth" and route.body == "form")
        assert ("security" in operation) == proven, route.name
        for requirement in operation.get("security", ()):
            assert set(requirement) <= set(DOCUMENT["components"]["securitySchemes"]), route.name


def test_every_example_holds() -> None:
    """Parameters, bodies and answers with fields have an example, and it fits its schema."""
    for route, operation in operations():
        for parameter in operation.get("parameters", ()):
            if "example" in parameter:
                assert flaws(parameter["schema"], parameter["example"]) == [], (route.name, parameter["name"])
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [answer.get("content", {}) for answer in operation["responses"].values()]
        for media, content in [item for each in contents for item in each.items()]:
            if "example" in content:
                assert flaws(content["schema"], content["example"]) == [], (route.name, media)
            elif "examples" not in content:
                assert content["schema"].get("type") in NO_EXAMPLE, (route.name, media)


def test_every_refusal_is_a_problem_with_its_codes() -> None:
    """Each answer from 400 up names codes of its status, with bodies that fit; 429 and 503 say when to come again."""
    for route, operation in operations():
        for status, answer in operation["responses"].items():
            found = resolved(answer)
            if status < "400" or route.handler == "oauth" or (route.media == "text/html" and found["content"] == PAGE):
                continue
            content = found["content"][MEDIA]
            assert {CODES[code] for code in content["examples"]} == {int(status)}, route.name
            for example in content["examples"].values():
                assert flaws(content["schema"], resolved(example)["value"]) == [], route.name
            if status == "431":
                continue
            assert "X-Request-ID" in found["headers"], route.name
            assert ("Retry-After" in found["headers"]) == (status in ("429", "503", "504")), route.name
            assert ("RateLimit" in found["headers"]) == bool(route.cost), route.name


def test_what_was_made_leads_on() -> None:
    """An accepted cover links to its task and to itself, with the ids of the answer; links name real operations."""
    links = DOCUMENT["paths"]["/v1/covers"]["post"]["responses"]["202"]["links"]
    assert links["tasks_get"] == {"operationId": "tasks_get", "parameters": {"task_id": "$response.body#/task_id"}}
    assert {"covers_get", "covers_image", "tasks_history", "tasks_cancel"} <= set(links)
    known = {operation["operationId"] for _, operation in operations()}
    for _, operation in operations():
        for answer in operation["responses"].values():
            assert {link["operationId"] for link in answer.get("links", {}).values()} <= known


async def test_a_word_in_place_of_an_id_has_its_own_methods(edge: Edge) -> None:
    """`/v1/exports/presets` is no export that could be removed: 405, and Allow says what there is."""
    for path, method in (("/v1/exports/presets", "DELETE"), ("/v1/templates/categories", "PATCH")):
        refused = await edge.ask(method, path)
        asked = await edge.ask("OPTIONS", path, signed=False)
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS"), path
        assert (asked.status, asked.headers["Allow"]) == (204, "GET, HEAD, OPTIONS"), path
        assert (await edge.ask("GET", path, signed=False)).status == 200, path


def test_asyncapi_messages_have_examples_that_hold() -> None:
    """Every message of every channel is there with an example that fits its payload, and errors with their headers."""
    document = asyncapi()
    components = document["components"]
    for name, message in components["messages"].items():
        (example,) = message["examples"]
        whole = {**message["payload"], "components": components}
        errors = Draft202012Validator(whole).iter_errors(example["payload"])
        assert [error.message for error in errors] == [], name
    for key, channel in document["channels"].items():
        for reference in channel["messages"].values():
            assert reference["$ref"].rsplit("/", 1)[1] in components["messages"], key
    headers = components["messages"]["Problem"]["headers"]["properties"]
    assert set(headers) == {"Nats-Service-Error", "Nats-Service-Error-Code"}
