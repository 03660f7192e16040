"""Sliding windows in Redis: how much was taken under a key lately, counted exactly however many processes ask.

A window is cut into `SLOTS` slots of the server's own time, and a key's hash has what was taken in each. In any span of
the window's length no more than the quota is taken; what was taken comes back when its slot has left the window, which
is after the window's length and at most one slot more. One script looks at all keys of a request and takes from all or
from none.

Requests that come while the server is being asked go together in the next call, so that a busy process makes a few
calls with many requests in each and needs one connection.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.redis import Redis, Script

SLOTS = 15
MOST = 128
"""Requests in one call: the server does nothing else meanwhile (about 15 µs for each)."""


class Charge(NamedTuple):
    """What a request takes under one key. More than the quota is taken as the quota."""

    key: str
    quota: int
    window: int
    """Seconds."""
    cost: int


class Left(NamedTuple):
    """What there is under one key after the request."""

    remaining: int
    reset: float
    """Seconds until the oldest of what was taken comes back."""
    slot: int
    """Where the request was counted."""


class Verdict(NamedTuple):
    """May the request go on?"""

    wait: tuple[float, ...]
    """Seconds until there will be enough under each key; 0 where there is. Anything above 0: nothing was taken."""
    left: tuple[Left, ...]

    @property
    def refused(self) -> bool:
        """Is there too little under one of the keys?"""
        return any(self.wait)


class _Ask(NamedTuple):
    charges: Sequence[Charge]
    told: "asyncio.Future[Verdict]"


class RateLimits:
    """Asks one Redis. Everything raises Unavailable when it cannot be reached."""

    def __init__(self, redis: Redis, *, most: int = MOST) -> None:
        self._redis = redis
        self._most = most
        self._waiting: list[_Ask] = []
        self._asking: asyncio.Task[None] | None = None

    async def take(self, charges: Sequence[Charge]) -> Verdict:
        """Take all of `charges` if each of them fits, otherwise none."""
        told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Ask(charges, told))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(), name="rate limits")
        return await told

    async def give_back(self, charge: Charge, left: Left) -> None:
        """Undo a charge that was taken."""
        await self._redis.do(_GIVE_BACK, [charge.key], [left.slot, charge.cost])

    async def forget(self, key: str) -> None:
        """Give everything under the key back."""
        await self._redis.delete(key)

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._ask(batch)
        finally:
            self._asking = None

    async def _ask(self, batch: list[_Ask]) -> None:
        keys = [charge.key for ask in batch for charge in ask.charges]
        try:
            reply = await self._redis.do(_TAKE, keys, _values(batch))
        except Exception as error:  # noqa: BLE001 -- each of them hears it, whatever it is
            for ask in batch:
                if not ask.told.done():
                    ask.told.set_exception(error)
        except BaseException:
            for ask in batch:
                ask.told.cancel()
            raise
        else:
            for ask, answer in zip(batch, reply, strict=True):
                if not ask.told.done():
                    ask.told.set_result(_verdict(answer))


def _values(batch: list[_Ask]) -> list[int]:
    values: list[int] = []
    for ask in batch:
        values.append(len(ask.charges))
        for charge in ask.charges:
            values += (charge.quota, charge.window * 1000, min(charge.cost, charge.quota))
    return values


def _verdict(answer: list[Any]) -> Verdict:
    rows = [answer[start : start + 4] for start in range(0, len(answer), 4)]
    wait = tuple(row[0] / 1000 for row in rows)
    return Verdict(wait, tuple(Left(row[1], row[2] / 1000, row[3]) for row in rows))


_TAKE = Script(
    f"local SLOTS = {SLOTS}\n"
    + """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function look(key, quota, window, cost)
  local width = window / SLOTS
  local current = math.floor(now / width)
  local seen = {key = key, quota = quota, window = window, cost = cost, width = width, current = current,
                used = 0, slots = {}, gone = {}}
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local slot, taken = tonumber(fields[i]), tonumber(fields[i + 1])
    if slot < current - SLOTS or taken <= 0 then
      seen.gone[#seen.gone + 1] = fields[i]
    else
      seen.used = seen.used + taken
      seen.slots[#seen.slots + 1] = {slot, taken}
    end
  end
  table.sort(seen.slots, function(one, other) return one[1] < other[1] end)
  return seen
end

local function leaves(seen, slot)
  return math.ceil((slot + SLOTS + 1) * seen.width - now)
end

local function wait(seen)
  local over = seen.used + seen.cost - seen.quota
  if over <= 0 then return 0 end
  for _, slot in ipairs(seen.slots) do
    over = over - slot[2]
    if over <= 0 then return leaves(seen, slot[1]) end
  end
  return seen.window
end

local function take(seen)
  if #seen.gone > 0 then redis.call('HDEL', seen.key, unpack(seen.gone)) end
  redis.call('HINCRBY', seen.key, seen.current, seen.cost)
  redis.call('PEXPIRE', seen.key, math.ceil(seen.window + 2 * seen.width))
  seen.used = seen.used + seen.cost
end

local answers, key, value = {}, 1, 1
while value <= #ARGV do
  local charges, all, fits = tonumber(ARGV[value]), {}, true
  value = value + 1
  for i = 1, charges do
    all[i] = look(KEYS[key], tonumber(ARGV[value]), tonumber(ARGV[value + 1]), tonumber(ARGV[value + 2]))
    all[i].wait = wait(all[i])
    fits = fits and all[i].wait == 0
    key, value = key + 1, value + 3
  end
  local answer = {}
  for _, seen in ipairs(all) do
    if fits then take(seen) end
    local oldest = seen.slots[1] and seen.slots[1][1] or seen.current
    for _, number in ipairs({seen.wait, math.max(0, seen.quota - seen.used), leaves(seen, oldest), seen.current}) do
      answer[#answer + 1] = number
    end
  end
  answers[#answers + 1] = answer
end
return answers
"""
)

_GIVE_BACK = Script("""
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], ARGV[1], -ARGV[2])
""")
"""Only what is still there: a key that is made anew here would never end."""
