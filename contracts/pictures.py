"""What providers of images say by themselves: that a picture which a node waits for has ended.

It is only a bell. Nothing is taken from it but the name of the prediction, at which whoever waits for it looks then; so
one that is lost, late, doubled or about nothing changes nothing but when that is.
"""

from typing import Annotated

import msgspec

from contracts.text import DELIVERY, PREDICTION
from contracts.wire import Done, Endpoint, Event

PredictionId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=PREDICTION)]
Delivery = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=DELIVERY)]


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """Replicate's prediction, as its webhook sends it: all but the id is left unread."""

    id: PredictionId


class TellPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction has ended. Idempotent by `delivery`, the name of the webhook's message."""

    prediction_id: PredictionId
    delivery: Delivery


class PictureTold(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever waits for this prediction should look at it."""

    prediction_id: PredictionId


TELL = Endpoint(
    "svc.covers.tell_picture", TellPicture, Done, frozenset({"edge"}), "Wake whoever waits for a provider's picture"
)
TOLD = Event(
    "events.covers.picture_told",
    PictureTold,
    frozenset(),
    "A provider says that a picture has ended",
    watchers=frozenset({"covers"}),
)

CONTRACTS = (TELL, TOLD)
