"""What providers say of their pictures, passed on to all instances: one of them waits for that picture, or none."""

from adapters.nats.bus import Bus
from contracts.pictures import TOLD, PictureTold, TellPicture
from contracts.wire import Context, Done


class Pictures:
    """The handlers of `contracts/pictures.py`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def tell(self, told: TellPicture, context: Context) -> Done:
        """Tell everybody, once for each delivery. Raises Unavailable, after which the provider comes again."""
        event = PictureTold(prediction_id=told.prediction_id)
        await self._bus.publish(TOLD, event, message_id=f"told:{told.delivery}", context=context)
        return Done()
