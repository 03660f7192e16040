"""The faults that are active now, as this process knows them. Asking costs a look into an empty table.

Expired ones are over without anybody clearing them. Nothing here injects a fault: see `adapters/faulty/`.
"""

import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

import msgspec

from adapters.nats.bus import Bus
from adapters.nats.kv import KeyValues
from contracts.faults import BUCKET, BY_NAME, Activation

log = logging.getLogger(__name__)


class Faults:
    """The active faults by name. True when there are any."""

    def __init__(self, *, clock: Callable[[], float] = time.time, chance: Callable[[], float] = random.random):
        self._clock = clock
        self._chance = chance
        self._active: dict[str, Activation] = {}
        self.hits: Counter[str] = Counter()
        """How many calls each fault has hit since this process began."""

    def __bool__(self) -> bool:
        return bool(self._active)

    def find(self, name: str, *, node: str = "", target: str = "") -> Activation | None:
        """The fault when it is active and meant for this node and target, whatever its rate."""
        found = self._active.get(name)
        if found is None or found.node not in ("", node) or found.target not in ("", target):
            return None
        if found.until is not None and self._clock() >= found.until:
            return None
        return found

    def hit(self, name: str, *, node: str = "", target: str = "", lot: float | None = None) -> Activation | None:
        """The same for one call, which is hit as often as the fault's rate says.

        The call may bring its own `lot`, from 0 to less than 1, so that the same call is always hit or never.
        """
        if not self._active:
            return None
        found = self.find(name, node=node, target=target)
        if found is None or (self._chance() if lot is None else lot) >= found.rate:
            return None
        self.hits[name] += 1
        return found

    def replace(self, activations: Iterable[Activation]) -> None:
        """From now on these are active, and a warning in the log says what has changed."""
        before, self._active = self._active, {each.name: each for each in activations}
        for name, fault in self._active.items():
            if before.get(name) != fault:
                log.warning("fault %s", described(fault), extra={"action": "fault_set", "fault": name})
        for name in before.keys() - self._active.keys():
            fields = {"action": "fault_cleared", "fault": name, "hits": self.hits[name]}
            log.warning("fault %s is over, %d calls were hit", name, self.hits[name], extra=fields)


def described(fault: Activation) -> str:
    """A fault with its numbers, in a line."""
    parts = (f"rate {fault.rate:g}", f"{fault.seconds:g} s", f"node {fault.node}", f"target {fault.target}")
    given = (fault.rate != 1, fault.seconds != 0, bool(fault.node), bool(fault.target))
    words = ", ".join(part for part, is_given in zip(parts, given, strict=True) if is_given)
    return f"{fault.name} ({words})" if words else fault.name


def decoded(values: Mapping[str, bytes], now: float) -> list[Activation]:
    """The faults of the bucket that are not over, without what this version does not know."""
    found = []
    for name, value in sorted(values.items()):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            fault = msgspec.json.decode(value, type=Activation)
            if name in BY_NAME and fault.name == name and (fault.until is None or now < fault.until):
                found.append(fault)
    return found


@contextlib.asynccontextmanager
async def watched(bus: Bus, faults: Faults, *, clock: Callable[[], float] = time.time) -> AsyncIterator[None]:
    """Keep `faults` as the bucket says, for the length of the block. `bus` must be one without faults."""
    bucket = KeyValues(bus, BUCKET)
    async with bucket.watched(lambda values: faults.replace(decoded(values, clock()))):
        yield
