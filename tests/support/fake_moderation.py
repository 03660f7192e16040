"""Something like OpenAI's moderation: it takes what that takes, and says the scores it was told to."""

import base64
import io
from typing import Any

from aiohttp import web
from PIL import Image

from tests.support.fake_images import KEY, Fake

QUIET = {"sexual": 0.01, "sexual/minors": 0.0, "hate": 0.0, "violence": 0.02, "violence/graphic": 0.0, "illicit": None}


class FakeModeration(Fake):
    """`/v1/moderations`."""

    scores: dict[str, float]
    """Of every input, on top of quiet ones."""

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        self.scores = {}
        return [web.post("/v1/moderations", self.moderations)]

    async def moderations(self, request: web.Request) -> web.Response:
        """A result for each text; one for a picture."""
        await self.begun(request)
        if self.wrong:
            return self.said(self.wrong.pop(0), "")
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        asked = await request.json()
        if asked["model"] != "omni-moderation-latest" or set(asked) != {"model", "input"} or not good(asked["input"]):
            return web.json_response({"error": {"type": "invalid_request_error"}}, status=400)
        self.orders.append(asked)
        scores = {**QUIET, **self.scores}
        result = {"flagged": False, "categories": {}, "category_scores": scores}
        return web.json_response({"id": "modr-1", "model": asked["model"], "results": [result] * len(asked["input"])})


def good(asked: list[Any]) -> bool:
    """Texts, or one picture in a data URL that decodes."""
    if all(isinstance(each, str) for each in asked):
        return bool(asked)
    (one,) = asked
    head, _, body = one["image_url"]["url"].partition(",")
    with Image.open(io.BytesIO(base64.b64decode(body, validate=True))) as picture:
        return one["type"] == "image_url" and head == "data:image/jpeg;base64" and max(picture.size) <= 512
