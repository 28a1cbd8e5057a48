"""How many requests a minute each caller gets: token buckets, in this controller's memory."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from tocsin_controller.security.roles import Principal, Role
from tocsin_shared.errors import TooManyRequests

#: Callers remembered; those that were quiet longest are forgotten first. Ten thousand agents have a key each.
CAPACITY = 50_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimits:
    """Three tiers: no valid key (by address), people's keys, agents' keys. 0 means no limit."""

    def __init__(self, *, enabled: bool, public: int, authenticated: int, agent: int) -> None:
        self._enabled = enabled
        self._public = public
        self._authenticated = authenticated
        self._agent = agent
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take_public(self, peer: str) -> dict[str, str]:
        """One request without a valid key. Returns the headers to show; raises TooManyRequests."""
        return self._take(f"peer:{peer}", self._public)

    def take(self, principal: Principal) -> dict[str, str]:
        """One request with a key. Returns the headers to show; raises TooManyRequests."""
        per_minute = self._agent if principal.role is Role.AGENT else self._authenticated
        return self._take(f"key:{principal.key_id}", per_minute)

    def _take(self, caller: str, per_minute: int) -> dict[str, str]:
        if not self._enabled or per_minute == 0:
            return {}
        now = time.monotonic()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(float(per_minute), now)
            if len(self._buckets) > CAPACITY:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
        bucket.tokens = min(per_minute, bucket.tokens + (now - bucket.at) * per_minute / 60)
        bucket.at = now
        if bucket.tokens < 1:
            raise TooManyRequests(retry_after_secs=(1 - bucket.tokens) * 60 / per_minute)
        bucket.tokens -= 1
        return {"X-RateLimit-Limit": str(per_minute), "X-RateLimit-Remaining": str(int(bucket.tokens))}
