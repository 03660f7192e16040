"""Something like OpenAI Images: it takes what that takes, and no seed."""

import re
from typing import Any

from aiohttp import web

from tests.support.fake_images import KEY, Fake, Rejected, Wrong, opened, parts_of, text_of

FIELDS = {
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "safety_identifier",
}
MODELS = ("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare")
USAGE = {
    "input_tokens": 60,
    "input_tokens_details": {"text_tokens": 50, "image_tokens": 10},
    "output_tokens": 4000,
    "total_tokens": 4060,
}


def error(kind: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": "ECHO", "type": kind, "param": None, "code": code, **more}}


def moderated(stage: str) -> Wrong:
    """A refusal."""
    details = {"moderation_stage": stage, "categories": ["violence"]}
    return Wrong(400, error("image_generation_user_error", "moderation_blocked", moderation_details=details))


WRONG = {
    "refused_input": [moderated("input")],
    "refused_output": [moderated("output")],
    "invalid": [Wrong(400, error("invalid_request_error", "invalid_value")), Wrong(422, error("invalid"))],
    "auth": [
        Wrong(401, error("invalid_request_error", "invalid_api_key")),
        Wrong(403, error("permission")),
        Wrong(404, error("invalid_request_error", "model_not_found")),
    ],
    "quota": [
        Wrong(429, error("insufficient_quota", "credit_balance_exhausted")),
        Wrong(429, error("insufficient_quota", "project_spend_limit_exceeded")),
        Wrong(429, error("requests", "organization_usage_limit_exceeded")),
    ],
    "rate_limited": [Wrong(429, error("requests", "rate_limit_exceeded"), {"Retry-After": "7"})],
    "busy": [Wrong(503, error("server_error")), Wrong(409, error("conflict"))],
    "timeout": [Wrong(504, b"<html>gateway"), Wrong(408, error("timeout"))],
    "broken": [
        Wrong(500, error("server_error")),
        Wrong(200, b"not JSON"),
        Wrong(200, {"data": []}),
        Wrong(200, {"data": [{"b64_json": "###"}]}),
        Wrong(200, {"data": [{"b64_json": text_of(b"no picture")}]}),
        Wrong(302, b"", {"Location": "http://127.0.0.1:1/"}),
        Wrong(418, b"teapot"),
    ],
}


class FakeOpenAI(Fake):
    """`/v1/images/generations` and `/v1/images/edits`."""

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/v1/images/generations", self.generations),
            web.post("/v1/images/edits", self.edits),
        ]

    async def generations(self, request: web.Request) -> web.Response:
        """A picture of that size."""
        await self.begun(request)
        fields = await request.json() if request.content_type == "application/json" else {}
        return self._answer(request, fields)

    async def edits(self, request: web.Request) -> web.Response:
        """The same, with a picture and a mask of one size, whose transparent part is to be painted."""
        await self.begun(request)
        try:
            fields, files = await parts_of(request)
            self._check_files(fields, files)
        except Rejected as rejected:
            return self.said(rejected.wrong, "")
        return self._answer(request, {**fields, "n": int(fields["n"])})

    def _answer(self, request: web.Request, fields: dict[str, Any]) -> web.Response:
        headers = {"x-request-id": "req_1"}
        if self.wrong:
            wrong = self.wrong.pop(0)
            return self.said(Wrong(wrong.status, wrong.body, {**headers, **wrong.headers}), fields["prompt"])
        try:
            size = self._check(request, fields)
        except Rejected as rejected:
            return self.said(rejected.wrong, str(fields.get("prompt")))
        self.orders.append(fields)
        body = {"created": 1, "data": [{"b64_json": text_of(self.draw(*size))}], "size": fields["size"], "usage": USAGE}
        return web.json_response(body, headers=headers)

    def _check(self, request: web.Request, fields: dict[str, Any]) -> tuple[int, int]:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise Rejected(401, error("invalid_request_error", "invalid_api_key"))
        if strange := set(fields) - FIELDS:
            raise Rejected(400, error("invalid_request_error", f"unknown_parameter {strange}"))
        if fields["model"] not in MODELS:
            raise Rejected(404, error("invalid_request_error", "model_not_found"))
        choices = {
            "quality": ("low", "medium", "high", "auto"),
            "output_format": ("png", "webp", "jpeg"),
            "background": ("transparent", "opaque", "auto"),
        }
        wrong = [name for name, known in choices.items() if fields.get(name, known[0]) not in known]
        identifier = fields.get("safety_identifier", "")
        if wrong or not 0 < len(fields["prompt"]) <= 32_000 or not 1 <= fields["n"] <= 10 or len(identifier) > 64:
            raise Rejected(400, error("invalid_request_error", "invalid_value"))
        return _size(fields["model"], fields["size"])

    def _check_files(self, fields: dict[str, str], files: dict[str, tuple[str, bytes]]) -> None:
        picture, mask = opened(files["image"][1]), opened(files["mask"][1])
        kinds = (files["image"][0] in ("image/png", "image/jpeg", "image/webp"), files["mask"][0] == "image/png")
        if not all(kinds) or mask.size != picture.size or mask.mode != "RGBA" or len(files["mask"][1]) > 4 * 2**20:
            raise Rejected(400, error("invalid_request_error", "invalid_mask"))
        if "moderation" in fields:
            raise Rejected(400, error("invalid_request_error", "unknown_parameter"))
        self.masks.append(mask)


def _size(model: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if found is None:
        raise Rejected(400, error("invalid_request_error", "invalid_size"))
    width, height = int(found[1]), int(found[2])
    if model.startswith("gpt-image-1"):
        good = (width, height) in ((1024, 1024), (1536, 1024), (1024, 1536))
    else:
        good = width % 16 == height % 16 == 0 and 1 / 3 <= width / height <= 3 and width * height <= 3840 * 2160
    if not good:
        raise Rejected(400, error("invalid_request_error", "invalid_size"))
    return width, height
