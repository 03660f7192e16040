"""What is claimed of a picture, and the manifest that says it (C2PA 2, `c2pa.actions.v2`).

The digital source type is a word of IPTC's vocabulary (cv.iptc.org/newscodes/digitalsourcetype):

- art of the built-in painter is `algorithmicMedia`: made by an algorithm alone, from no sampled data; with type on it,
  which is set by an algorithm too, it still is.
- art of any other model is `trainedAlgorithmicMedia`, which the action `c2pa.created` says; with the title set on it
  the picture as a whole is `compositeWithTrainedAlgorithmicMedia`, which its XMP and the action that adds the type say.
- a picture made from one whose origin is not told is `compositeSynthetic`: everything here has a synthetic element.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

Json = dict[str, Any]

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ALGORITHMIC = f"{VOCABULARY}algorithmicMedia"
TRAINED = f"{VOCABULARY}trainedAlgorithmicMedia"
COMPOSITE_TRAINED = f"{VOCABULARY}compositeWithTrainedAlgorithmicMedia"
SYNTHETIC = f"{VOCABULARY}compositeSynthetic"
PROCEDURAL = frozenset({"painter"})
"""Models that learnt from nothing."""
PARENT = "parent"
"""The label of the one ingredient that a derived picture has."""
SUBJECT = "org.covergen.cover"
"""The assertion that names the cover."""

Action = Literal["c2pa.edited", "c2pa.converted", "c2pa.resized", "c2pa.published"]


class Agent(msgspec.Struct, frozen=True):
    """A program or a model, with its version."""

    name: str
    version: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one picture. With `model` it is a new one, else it is derived from another by `actions`."""

    agent: Agent
    """Who signs: Covergen and its version."""
    cover_id: str
    version: str
    """Which picture of the cover: `1`, `edit <id> 2`, `export <id> <preset>`."""
    model: Agent | None = None
    painted_by: Agent | None = None
    """Of a derived picture: the model that painted a part of it."""
    actions: tuple[Action, ...] = ()
    region: str = ""
    """Of the request; `cn` asks for China's labels."""
    at: datetime

    @property
    def identity(self) -> str:
        """The cover and the picture of it, in one word."""
        return f"{self.cover_id}:{self.version}".replace(" ", ":")


def labelled(region: str | None) -> bool:
    """Does a region ask for the labels of GB 45438-2025? `cn` and what begins so, e.g. `cn-beijing`."""
    words = (region or "").lower().replace("_", "-").split("-")
    return words[0] in ("cn", "china")


def art_source(model: str) -> str:
    """The digital source type of the art."""
    return ALGORITHMIC if model in PROCEDURAL else TRAINED


def whole_source(model: str) -> str:
    """The same of the art with type on it."""
    return ALGORITHMIC if model in PROCEDURAL else COMPOSITE_TRAINED


def manifest(claim: Claim, media_type: str, source: str) -> Json:
    """The definition of the manifest, as c2pa reads it; `source` is the digital source type of the whole picture."""
    actions = _created(claim, claim.model, source) if claim.model is not None else _derived(claim)
    about = {"cover_id": claim.cover_id, "version": claim.version}
    return {
        "claim_generator_info": [msgspec.to_builtins(claim.agent)],
        "title": f"cover {claim.cover_id}",
        "format": media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}, "created": True},
            {"label": SUBJECT, "kind": "Json", "data": about, "created": True},
        ],
    }


def ingredient(media_type: str) -> Json:
    """The definition of the picture that a derived one was made from."""
    return {"title": "the picture before", "format": media_type, "relationship": "parentOf", "label": PARENT}


def _created(claim: Claim, model: Agent, source: str) -> list[Json]:
    at = claim.at.isoformat(timespec="seconds")
    art = {
        "action": "c2pa.created",
        "when": at,
        "softwareAgent": msgspec.to_builtins(model),
        "digitalSourceType": art_source(model.name),
    }
    type_set = {
        "action": "c2pa.addedText",
        "when": at,
        "softwareAgent": msgspec.to_builtins(claim.agent),
        "digitalSourceType": source,
    }
    return [art, type_set]


def _derived(claim: Claim) -> list[Json]:
    at, agent = claim.at.isoformat(timespec="seconds"), msgspec.to_builtins(claim.agent)
    opened: Json = {"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT]}}
    rows = [{**row, "when": at, "softwareAgent": agent} for row in (opened, *({"action": a} for a in claim.actions))]
    if claim.painted_by is not None:  # the last action is what it did
        rows[-1] |= {
            "softwareAgent": msgspec.to_builtins(claim.painted_by),
            "digitalSourceType": art_source(claim.painted_by.name),
        }
    return rows
