"""Something like Stability v2beta: multipart or nothing, and pictures as they are."""

from aiohttp import web

from tests.support.fake_images import KEY, Fake, Rejected, Wrong, opened, parts_of, png

ASPECTS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
UNIT = 64
"""Pixels for one of an aspect."""


def error(name: str) -> dict[str, object]:
    """The body of an error."""
    return {"id": "err_1", "name": name, "errors": ["ECHO"]}


WRONG = {
    "refused_input": [Wrong(403, error("content_moderation"))],
    "refused_output": [Wrong(200, png(128, 192), {"finish-reason": "CONTENT_FILTERED", "seed": "7"})],
    "invalid": [
        Wrong(400, error("bad_request")),
        Wrong(413, error("payload_too_large")),
        Wrong(422, error("unprocessable_entity")),
    ],
    "auth": [Wrong(401, error("unauthorized")), Wrong(403, error("forbidden")), Wrong(404, error("not_found"))],
    "quota": [Wrong(402, error("payment_required"))],
    "rate_limited": [Wrong(429, error("rate_limit_exceeded"), {"Retry-After": "7"})],
    "busy": [Wrong(503, b"<html>")],
    "timeout": [Wrong(504, b"<html>")],
    "broken": [
        Wrong(500, error("internal_error")),
        Wrong(200, b"no picture", {"finish-reason": "SUCCESS"}),
        Wrong(301, b"", {"Location": "http://127.0.0.1:1/"}),
    ],
}


class FakeStability(Fake):
    """Generate, inpaint, erase."""

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        base = "/v2beta/stable-image"
        return [
            web.post(base + "/generate/{model:core|ultra|sd3}", self.generate),
            web.post(base + "/edit/inpaint", self.inpaint),
            web.post(base + "/edit/erase", self.erase),
        ]

    async def generate(self, request: web.Request) -> web.Response:
        """A picture of that aspect."""
        return await self._answer(request, {"prompt"}, {"negative_prompt", "aspect_ratio", "seed", "output_format"})

    async def inpaint(self, request: web.Request) -> web.Response:
        """A picture of that size."""
        required = {"prompt", "image"}
        return await self._answer(request, required, {"mask", "negative_prompt", "seed", "output_format", "grow_mask"})

    async def erase(self, request: web.Request) -> web.Response:
        """The same without words."""
        return await self._answer(request, {"image"}, {"mask", "seed", "output_format", "grow_mask"})

    async def _answer(self, request: web.Request, required: set[str], optional: set[str]) -> web.Response:
        await self.begun(request)
        try:
            fields, files = await parts_of(request)
            if self.wrong:
                return self.said(self.wrong.pop(0), fields.get("prompt", ""))
            size = self._check(request, fields, files, required, optional)
        except Rejected as rejected:
            return self.said(rejected.wrong, "")
        self.orders.append(fields)
        headers = {"finish-reason": "SUCCESS", "seed": fields["seed"], "x-request-id": "req_2"}
        return web.Response(body=self.draw(*size), content_type="image/png", headers=headers)

    def _check(
        self,
        request: web.Request,
        fields: dict[str, str],
        files: dict[str, tuple[str, bytes]],
        required: set[str],
        optional: set[str],
    ) -> tuple[int, int]:
        given = {*fields, *files}
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise Rejected(401, error("unauthorized"))
        if required - given or given - required - optional:
            raise Rejected(400, error("bad_request"))
        if request.headers.get("Accept") != "image/*" or fields["output_format"] not in ("png", "jpeg", "webp"):
            raise Rejected(400, error("bad_request"))
        if not 0 <= int(fields["seed"]) <= 4_294_967_294 or not 1 <= len(fields.get("prompt", "x")) <= 10_000:
            raise Rejected(400, error("bad_request"))
        if "image" not in files:
            return _size(fields["aspect_ratio"])
        picture, mask = opened(files["image"][1]), opened(files["mask"][1])
        if picture.size != mask.size or mask.mode != "L":
            raise Rejected(400, error("bad_request"))
        self.masks.append(mask)
        return picture.size


def _size(aspect: str) -> tuple[int, int]:
    if aspect not in ASPECTS:
        raise Rejected(400, error("bad_request"))
    width, _, height = aspect.partition(":")
    return int(width) * UNIT, int(height) * UNIT
