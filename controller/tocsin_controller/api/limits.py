"""How many requests a minute each caller gets: counted over the last 60 seconds, in this controller's memory.

A minute is counted in slots of five seconds, and a slot counts until all of it is older than a minute. So no caller
gets more than its limit in any 60 seconds, and one that was quiet for 65 has all of it again. A caller costs the same
few bytes however much it asks.
"""

import time
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from tocsin_controller.security.roles import Principal, Role

#: Callers remembered; those that were quiet longest are forgotten first. Ten thousand agents have a key each.
CAPACITY: Final = 50_000

WINDOW_SECS: Final = 60
SLOT_SECS: Final = 5
#: One more than fit into the window: the current slot has only begun.
_SLOTS: Final = WINDOW_SECS // SLOT_SECS + 1


@dataclass(slots=True)
class _Window:
    """The requests of one caller that count."""

    #: The slot that is being filled, as a number since the clock began.
    slot: int
    total: int = 0
    counts: "array[int]" = field(default_factory=lambda: array("L", [0] * _SLOTS))

    def move_to(self, slot: int) -> None:
        """What is older than a minute no longer counts."""
        passed = min(slot - self.slot, _SLOTS)
        for step in range(1, passed + 1):
            place = (self.slot + step) % _SLOTS
            self.total -= self.counts[place]
            self.counts[place] = 0
        self.slot = max(slot, self.slot)

    def add(self) -> None:
        """One request more."""
        self.counts[self.slot % _SLOTS] += 1
        self.total += 1

    def frees_at(self) -> float:
        """When the oldest request that counts no longer does."""
        oldest = next(s for s in range(self.slot - _SLOTS + 1, self.slot + 1) if self.counts[s % _SLOTS])
        return float((oldest + _SLOTS) * SLOT_SECS)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one request was told."""

    #: To be shown with the answer, whatever it is.
    headers: dict[str, str]
    #: The request is one too many; the next one may come then.
    retry_after_secs: float | None = None


_UNLIMITED: Final = Allowance({})


class RateLimits:
    """Three tiers: no valid key (by address), people's keys, agents' keys. 0 means no limit."""

    def __init__(self, *, enabled: bool, public: int, authenticated: int, agent: int) -> None:
        self._enabled = enabled
        self._public = public
        self._authenticated = authenticated
        self._agent = agent
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def take_public(self, peer: str) -> Allowance:
        """One request without a valid key, from this address."""
        return self._take(f"peer:{_network_of(peer)}", self._public)

    def take(self, principal: Principal) -> Allowance:
        """One request with a key."""
        per_minute = self._agent if principal.role is Role.AGENT else self._authenticated
        return self._take(f"key:{principal.key_id}", per_minute)

    def _take(self, caller: str, per_minute: int) -> Allowance:
        if not self._enabled or per_minute == 0:
            return _UNLIMITED
        now = time.monotonic()
        slot = int(now // SLOT_SECS)
        window = self._windows.get(caller)
        if window is None:
            window = self._windows[caller] = _Window(slot)
            if len(self._windows) > CAPACITY:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(caller)
            window.move_to(slot)
        if window.total >= per_minute:
            return Allowance(_headers(per_minute, left=0), window.frees_at() - now)
        window.add()
        return Allowance(_headers(per_minute, left=per_minute - window.total))


def _headers(per_minute: int, *, left: int) -> dict[str, str]:
    return {"X-RateLimit-Limit": str(per_minute), "X-RateLimit-Remaining": str(left)}


def _network_of(peer: str) -> str:
    """A caller has one IPv4 address, but a whole /64 of IPv6 ones."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> 64 << 64))
    return peer
