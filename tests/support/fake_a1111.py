"""Something like AUTOMATIC1111: one picture at a time, a call that blocks, an interrupt that names nobody."""

import asyncio
import base64
import json
from typing import Any

from aiohttp import web

from tests.support.fake_images import KEY, Fake, Rejected, Wrong, opened, text_of

USER = "artist"
FIELDS = {
    "prompt",
    "negative_prompt",
    "seed",
    "steps",
    "cfg_scale",
    "width",
    "height",
    "batch_size",
    "n_iter",
    "override_settings",
    "send_images",
    "save_images",
    "force_task_id",
}
EDIT_FIELDS = {
    "init_images",
    "mask",
    "mask_blur",
    "inpainting_fill",
    "inpaint_full_res",
    "inpainting_mask_invert",
    "denoising_strength",
    "include_init_images",
}
WRONG = {
    "invalid": [Wrong(422, {"detail": [{"msg": "ECHO"}]}), Wrong(400, {"detail": "Sampler not found"})],
    "auth": [Wrong(401, {"detail": "ECHO"}), Wrong(404, {"detail": "Not Found"})],
    "rate_limited": [Wrong(429, b"", {"Retry-After": "7"})],
    "busy": [
        Wrong(500, {"error": "OutOfMemoryError", "detail": "ECHO", "body": "", "errors": "ECHO"}),
        Wrong(503, b"starting"),
    ],
    "timeout": [Wrong(504, b"<html>")],
    "broken": [
        Wrong(500, {"error": "RuntimeError", "detail": "ECHO", "body": "", "errors": "ECHO"}),
        Wrong(200, {"images": []}),
        Wrong(200, {"images": ["###"]}),
        Wrong(200, {"images": [text_of(b"no picture")]}),
        Wrong(302, b"", {"Location": "http://127.0.0.1:1/"}),
    ],
}


class FakeA1111(Fake):
    """txt2img, img2img, the state of a task, interrupt."""

    active = ""
    """The task that is being painted, by its name."""
    interrupted = 0

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/sdapi/v1/txt2img", self.txt2img),
            web.post("/sdapi/v1/img2img", self.img2img),
            web.post("/sdapi/v1/interrupt", self.interrupt),
            web.post("/internal/progress", self.progress),
        ]

    async def txt2img(self, request: web.Request) -> web.Response:
        """A picture of that size."""
        return await self._paint(request, FIELDS)

    async def img2img(self, request: web.Request) -> web.Response:
        """The same on a picture, with a mask of its size."""
        return await self._paint(request, FIELDS | EDIT_FIELDS)

    async def interrupt(self, request: web.Request) -> web.Response:
        """Stop what is being painted, whosever it is."""
        self.interrupted += 1
        return web.json_response({})

    async def progress(self, request: web.Request) -> web.Response:
        """Is that task being painted?"""
        asked = await request.json()
        return web.json_response({"active": asked["id_task"] == self.active, "queued": False, "completed": False})

    async def _paint(self, request: web.Request, known: set[str]) -> web.Response:
        fields = await request.json()
        if self.stuck.is_set():
            self.active = self.active or fields["force_task_id"]
            self.asked.append(f"{request.method} {request.path}")
            await asyncio.sleep(60)
        await self.begun(request)
        if self.wrong:
            return self.said(self.wrong.pop(0), fields["prompt"])
        try:
            self._check(request, fields, known)
        except Rejected as rejected:
            return self.said(rejected.wrong, fields["prompt"])
        self.orders.append(fields)
        info = {"seed": fields["seed"], "sd_model_name": "bookish", "sd_model_hash": "abc123", "infotexts": ["…"]}
        picture = text_of(self.draw(fields["width"], fields["height"]))
        return web.json_response({"images": [picture], "parameters": {}, "info": json.dumps(info)})

    def _check(self, request: web.Request, fields: dict[str, Any], known: set[str]) -> None:
        pair = base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            raise Rejected(401, {"detail": "Incorrect username or password"})
        if set(fields) - known or fields["width"] % 8 or fields["height"] % 8 or not isinstance(fields["seed"], int):
            raise Rejected(422, {"detail": [{"msg": "ECHO"}]})
        if "init_images" in known:
            if not fields.get("init_images"):
                raise Rejected(404, {"detail": "Init image not found"})
            picture, mask = (opened(base64.b64decode(text)) for text in (fields["init_images"][0], fields["mask"]))
            if mask.size != picture.size or mask.mode != "L" or fields["inpainting_mask_invert"] != 0:
                raise Rejected(422, {"detail": [{"msg": "ECHO"}]})
            self.masks.append(mask)
