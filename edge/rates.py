"""How much may be asked of us: the limits as data.

Every route costs points (`Route.cost`), counted against the caller's user, or against the address of who has not signed
in. Routes on which something secret could be guessed, or accounts be made in heaps, have guards on top. Points of a
guard with `failures` stay taken only when the answer has one of those statuses, and success gives an account everything
back.

`COVERGEN_RATE_LIMITS` is `on`, `off`, or changes of the quotas below: `free=1200, login-account=5`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Literal

By = Literal["user", "address", "account"]
"""`account`: the e-mail address in the body, whether or not there is such an account."""

MINUTE, QUARTER, HOUR = 60, 15 * 60, 3600


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` points within `window` seconds for each `by`."""

    name: str
    quota: int
    window: int
    by: By
    failures: tuple[int, ...] = ()
    """Only answers with these statuses count; empty: all requests do."""

    @property
    def header(self) -> str:
        """The policy as RateLimit-Policy tells it."""
        return f'"{self.name}";q={self.quota};w={self.window}'

    @property
    def told(self) -> bool:
        """Is it in the headers? How often others failed at an account is nobody's business: when it falls to nothing
        its owner has signed in, so there is one."""
        return self.by != "account"


TIERS = ("free", "pro", "pro_plus")
ANYBODY = "address"
POLICIES: tuple[Policy, ...] = (
    Policy("free", 6000, MINUTE, "user"),
    Policy("pro", 12_000, MINUTE, "user"),
    Policy("pro_plus", 24_000, MINUTE, "user"),
    Policy(ANYBODY, 6000, MINUTE, "address"),
    Policy("login-account", 10, QUARTER, "account", failures=(401,)),
    Policy("login-address", 100, QUARTER, "address", failures=(401,)),
    Policy("register-address", 1000, HOUR, "address"),
    Policy("refresh-address", 100, QUARTER, "address", failures=(401,)),
    Policy("mail-account", 5, HOUR, "account"),
    Policy("mail-address", 50, HOUR, "address"),
    Policy("mail-user", 5, HOUR, "user"),
    Policy("token-address", 50, QUARTER, "address", failures=(401, 404, 422)),
    Policy("client-address", 200, QUARTER, "address", failures=(400, 401)),
    Policy("provider-address", 600, QUARTER, "address"),
    Policy("verify-address", 300, QUARTER, "address"),
    Policy("webhook-address", 100, QUARTER, "address", failures=(400, 403, 413, 422)),
    Policy("proof-user", 10, QUARTER, "user", failures=(401, 422)),
)
GUARDS: Mapping[str, tuple[str, ...]] = {
    "login": ("login-account", "login-address"),
    "register": ("register-address",),
    "refresh": ("refresh-address",),
    "mail": ("mail-account", "mail-address"),
    "own-mail": ("mail-user", "mail-address"),
    "token": ("token-address",),
    "proof": ("proof-user",),
    "client": ("client-address",),
    "provider": ("provider-address",),
    "verify": ("verify-address",),
    "webhook": ("webhook-address",),
}
"""By the word in `Route.guard`. `mail`: a message is sent to whom the body names, `own-mail`: to the caller; `token`: a
single-use token is tried; `proof`: a signed-in user proves the password once more; `provider`: a sign-in at another
provider is begun or finished; `client`: a client of OAuth proves itself, a code or a token is tried; `verify`: a
file is read; `webhook`: somebody says that they are a provider who tells us something."""


class Rates:
    """The limits in force."""

    def __init__(self, policies: Iterable[Policy] = POLICIES) -> None:
        self._policies = {policy.name: policy for policy in policies}

    def with_quotas(self, quotas: Mapping[str, int]) -> "Rates":
        """The same with other quotas."""
        return Rates(dataclasses.replace(p, quota=quotas.get(p.name, p.quota)) for p in self._policies.values())

    def of_tier(self, tier: str) -> Policy:
        """A signed-in user's limit."""
        return self._policies.get(tier, self._policies[TIERS[0]])

    @property
    def anybody(self) -> Policy:
        """The limit of an address without a user."""
        return self._policies[ANYBODY]

    def guards(self, guard: str | None) -> tuple[Policy, ...]:
        """What stands before a route."""
        return () if guard is None else tuple(self._policies[name] for name in GUARDS[guard])


def read_rates(text: str) -> Rates | None:
    """The limits that the setting asks for; None when they are off. Raises ValueError."""
    if text in ("on", "off"):
        return Rates() if text == "on" else None
    return Rates().with_quotas(dict(_quota(part) for part in text.split(",") if part.strip()))


def _quota(text: str) -> tuple[str, int]:
    name, _, number = (part.strip() for part in text.partition("="))
    if name not in {policy.name for policy in POLICIES}:
        raise ValueError(f"knows {', '.join(policy.name for policy in POLICIES)}, not {name!r}")
    if not (number.isascii() and number.isdigit() and 0 < int(number) <= 1_000_000_000):
        raise ValueError(f"must be on, off, or quotas such as free=1200, not {text!r}")
    return name, int(number)
