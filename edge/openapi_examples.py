"""Examples for the OpenAPI and AsyncAPI documents: made from each type's schema and a table of what fields say.

A test holds every example against its schema, so that a field of a new form gets a line here.
"""

import uuid
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
AT = "2026-01-05T09:30:00Z"
SPACE = uuid.UUID("5a6f1c1e-7f4b-4a55-9d0c-3f1c5b1d2a10")
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

FIELDS: Mapping[str, Any] = {
    "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiI1YTZmIn0.c2lnbmF0dXJl",
    "address": "192.0.2.0/24",
    "author": "Ada Lovelace",
    "avatar_url": "https://example.org/ada.png",
    "body": "“The Salt Road” is ready.",
    "brightness": 0.15,
    "category": "book",
    "code": "invalid",
    "colour": "#f2e9dc",
    "contrast": 0.1,
    "count": 6,
    "csrf_token": "Yk3vN0q1bJ8w2uX5",
    "current_version": 1,
    "cursor": None,
    "detail": "title: This field is required",
    "deliveries": 4,
    "dpi": 300,
    "email": "ada@example.org",
    "error_code": None,
    "error_message": None,
    "event": "login",
    "expires_in": 900,
    "expires_in_days": 30,
    "family": "ink",
    "field": "title",
    "font": "EB Garamond",
    "font_sha256": SHA,
    "full_name": "Ada Lovelace",
    "height": 2560,
    "image_url": "/v1/covers/0d4f8f5e-6f0e-4f57-9c50-0f8c0f3b7a52/image",
    "kind": "cover_ready",
    "language": "en",
    "limit": 20,
    "link": "/#/covers/0d4f8f5e-6f0e-4f57-9c50-0f8c0f3b7a52",
    "lines": "The Salt Road",
    "logo_sha256": SHA,
    "media_type": "image/png",
    "min_contrast": 7.2,
    "model": "painter",
    "name": "the-salt-road.png",
    "next_cursor": None,
    "new_password": "battery staple horse",
    "next_step": "check_image",
    "op": "adjust",
    "palette": "#1a2b3c",
    "password": "correct horse battery",
    "prefix": "cg_4fJ2",
    "plate": "#fffdf8",
    "preset": "png",
    "presets": "jpeg-ebook",
    "progress": 0.5,
    "prompt": "a lone caravan under two moons",
    "prompt_template": "ink wash, {prompt}",
    "q": "red dunes",
    "quality": 90,
    "reason": "max_deliveries",
    "redirect_uris": "https://example.org/callback",
    "refresh_token": "kQx3mV0c9sYp2dT7",
    "roles": "user",
    "seed": 7,
    "sequence": 7,
    "sha256": SHA,
    "size": 412_337,
    "slug": "book",
    "start_at": None,
    "status": "ready",
    "step": "paint",
    "subject": "jobs.covers.paint",
    "subtitle": "A novel",
    "tier": "free",
    "title": "The Salt Road",
    "style": "Moonlit ink",
    "token": "0d4f8f5eVv8PT1ecUA-MDzt6UmkZ1Yj0kQx3mV0c9sYp2dT7",
    "token_type": "Bearer",
    "tracking": 0.08,
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "treatment": "scrim",
    "typography": "literary",
    "url": "https://covers.example.org/s/0d4f8f5eVv8PT1ecUA-MDzt6UmkZ1Yj0kQx3mV0c9sYp2dT7",
    "user_agent": "Mozilla/5.0",
    "username": "ada",
    "version": 1,
    "warmth": 0.3,
    "width": 1600,
}
"""What a field of that name says, wherever it fits; of a list: one of its items."""

_ORDER = {"title": "The Salt Road", "author": "Ada Lovelace", "prompt": "a lone caravan under two moons"}
_TASK = str(uuid.uuid5(SPACE, "task_id"))
_LETTER: Json = {
    "sequence": 7,
    "subject": "jobs.covers.paint",
    "reason": "max_deliveries",
    "detail": "Every worker that took it went away",
    "deliveries": 4,
    "buried_at": AT,
    "age": 61.5,
    "task_id": _TASK,
    "size": 412,
}
EXAMPLES: Mapping[str, Json] = {
    "GenerateCover": {**_ORDER, "format": "ebook", "seed": 7},
    "CreateExport": {"cover_id": str(uuid.uuid5(SPACE, "cover_id")), "presets": ["jpeg-ebook", "webp-web"]},
    "CreateShare": {"expires_in_days": 30, "allow_download": True},
    "CreateApiKey": {"name": "build server", "scopes": ["covers:read", "covers:write"]},
    "Operate": {"op": "adjust", "brightness": 0.15, "contrast": 0.1, "warmth": 0.3},
    "OpenEdit": {"cover_id": str(uuid.uuid5(SPACE, "cover_id"))},
    "GraphRequest": {"query": "query ($n: Int) { templates(limit: $n) { items { id name } } }", "variables": {"n": 5}},
    "CheckoutEdit": {"version": 1},
    "Preset": {
        "name": "jpeg-ebook",
        "title": "E-book cover",
        "media_type": "image/jpeg",
        "width": 1600,
        "height": 2560,
        "dpi": 72,
        "quality": 90,
        "max_bytes": 5_000_000,
        "source": "The shop's rules for covers, as they were read when the preset was written",
    },
    "CreateSigningKey": {"name": "build server", "algorithm": "hmac-sha256", "scopes": ["covers:read"]},
    "Authorize": {
        "response_type": "code",
        "client_id": str(uuid.uuid5(SPACE, "client_id")),
        "redirect_uri": "https://example.org/callback",
        "scope": "openid covers:read",
        "state": "af0ifjsldkj",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    },
    "TokenRequest": {"grant_type": "client_credentials", "scope": "covers:read"},
    "UpdateUser": {"full_name": "Ada King"},
    "UpdateTemplate": {"name": "Salt and ink"},
    "UpdateUserTemplate": {"name": "Salt and ink, warmer"},
    "Register": {"email": "ada@example.org", "password": "correct horse battery", "full_name": "Ada Lovelace"},
    "DecideReview": {"decision": "release", "note": "A classical painting."},
    "DeadLetterPage": {"items": [_LETTER], "next_cursor": None},
    "DeadLetterOriginal": {
        **_LETTER,
        "context": {"request-id": "4d1c", "user-id": str(uuid.uuid5(SPACE, "user_id")), "tier": "free"},
        "body": {"task_id": _TASK, "step": "paint"},
        "payload": None,
        "complete": True,
    },
    "ObjectRef": {"key": f"{_TASK}/cover.png", "sha256": SHA, "size": 412_337, "media_type": "image/png"},
    "StyleParams": {"family": "ink", "palette": ["#1a2b3c", "#f2e9dc"], "typography": "literary", "options": {}},
}
"""Of types whose fields together should say something, by name."""


def example(name: str, schemas: Mapping[str, Json]) -> Any:
    """An example of the type `name`: what the table says, with what else is required."""
    if name not in EXAMPLES:
        return sample(schemas[name], "", schemas)
    schema = schemas.get(name, {})
    missing = [field for field in schema.get("required", ()) if field not in EXAMPLES[name]]
    return {field: sample(schema["properties"][field], field, schemas) for field in missing} | EXAMPLES[name]


def sample(schema: Json, name: str, schemas: Mapping[str, Json]) -> Any:
    """A value of `schema`, of a field called `name`."""
    if "$ref" in schema:
        return example(schema["$ref"].rsplit("/", 1)[1], schemas)
    if "anyOf" in schema:
        return _one_of(schema["anyOf"], name, schemas)
    if "enum" in schema:
        return FIELDS[name] if FIELDS.get(name) in schema["enum"] else schema["enum"][0]
    match schema.get("type"):
        case "object":
            return _object(schema, name, schemas)
        case "array":
            return _array(schema, name, schemas)
        case "string":
            return _text(schema, name)
        case "integer" | "number":
            return _number(schema, name)
        case "boolean":
            return schema.get("default", True)
        case _:
            return schema.get("const")


def _one_of(choices: list[Json], name: str, schemas: Mapping[str, Json]) -> Any:
    nullable = any(choice.get("type") == "null" for choice in choices)
    if nullable and name in FIELDS and FIELDS[name] is None:
        return None
    return sample(next(choice for choice in choices if choice.get("type") != "null"), name, schemas)


def _object(schema: Json, name: str, schemas: Mapping[str, Json]) -> Json:
    if "properties" in schema:
        return {field: sample(of, field, schemas) for field, of in schema["properties"].items()}
    values = schema.get("additionalProperties")
    return {"free": sample(values, name, schemas)} if isinstance(values, dict) and values else {}


def _array(schema: Json, name: str, schemas: Mapping[str, Json]) -> list[Any]:
    items = schema.get("prefixItems") or [schema.get("items") or {}] * max(1, schema.get("minItems", 1))
    return [sample(item, name, schemas) for item in items] if schema.get("maxItems") != 0 else []


def _text(schema: Json, name: str) -> str:
    match schema.get("format"):
        case "uuid":
            return str(uuid.uuid5(SPACE, name))
        case "date-time":
            return AT
    if "contentEncoding" in schema:
        return "e30="
    found = FIELDS.get(name)
    return found if isinstance(found, str) else "example"


def _number(schema: Json, name: str) -> float:
    found, least = FIELDS.get(name), schema.get("minimum", 0)
    if isinstance(found, int) or (isinstance(found, float) and schema["type"] == "number"):
        fits: bool = least <= found <= schema.get("maximum", found)
        return found if fits else float(least)
    default: float | None = schema.get("default")
    return default or max(1, least)
