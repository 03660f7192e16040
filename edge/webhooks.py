"""What providers tell us by webhooks: only whether it is from them is looked at here, and for which picture.

Nothing of the message goes further but the prediction's name: it has the user's own words in it. Where no key is set
there is no such route.
"""

import time
from collections.abc import Callable

import msgspec

from adapters.nats.bus import Bus
from adapters.webhooks import NotSigned, checked
from contracts import pictures
from contracts.errors import Forbidden, Invalid, Malformed, NotFound, TooLarge
from contracts.pictures import Prediction, TellPicture
from edge.exchange import Answer, Exchange

MAX_MESSAGE = 64 * 1024
"""Bytes of a message: a prediction with its prompt and its log."""
_decoder = msgspec.json.Decoder(Prediction)


class Webhooks:
    """The handler `webhook`. `key` is that of Replicate's account; None: it is not to tell us anything."""

    def __init__(self, bus: Bus, key: bytes | None, *, clock: Callable[[], float] = time.time) -> None:
        self._bus = bus
        self._key = key
        self._clock = clock

    async def replicate(self, exchange: Exchange) -> Answer:
        """A prediction has ended. Raises NotFound without a key, TooLarge, Forbidden, Malformed, Invalid."""
        if self._key is None:
            raise NotFound("There is no such address.")
        if len(exchange.body) > MAX_MESSAGE:
            raise TooLarge(f"A webhook has at most {MAX_MESSAGE} bytes.")
        try:
            delivery = checked(self._key, exchange.request.headers, exchange.body, self._clock())
        except NotSigned as error:
            raise Forbidden(str(error)) from None
        told = TellPicture(prediction_id=_prediction(exchange.body).id, delivery=delivery)
        await self._bus.request(pictures.TELL, told, exchange.context(pictures.TELL.timeout))
        return Answer(204)


def _prediction(body: bytes) -> Prediction:
    """Whatever is wrong with it, its text is not repeated."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        raise Invalid("This is no prediction.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Malformed("The body is not JSON.") from None
