"""Instants whose age stays right when the wall clock is set, and across restarts of the agent (G8)."""

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


@functools.cache
def boot_id() -> str:
    """Which boot of this host this is; changes with every reboot."""
    try:
        return _BOOT_ID_FILE.read_text().strip()
    except OSError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on the clock that counts since boot, and on the wall clock for when that one was reset."""

    #: The boot that `uptime_secs` belongs to.
    boot: str
    #: CLOCK_BOOTTIME: like the monotonic clock, but also counts while the host sleeps.
    uptime_secs: float
    #: Seconds since 1970, as this host believes.
    wall_secs: float

    @classmethod
    def now(cls) -> Self:
        """This instant."""
        return cls(boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Reads what orjson makes of a Moment."""
        return cls(str(value["boot"]), float(value["uptime_secs"]), float(value["wall_secs"]))

    def age_secs(self) -> float:
        """How long ago this was, never negative. After a reboot only the wall clock can tell."""
        if self.boot == boot_id():
            return max(time.clock_gettime(time.CLOCK_BOOTTIME) - self.uptime_secs, 0.0)
        return max(time.time() - self.wall_secs, 0.0)

    @property
    def is_of_this_boot(self) -> bool:
        """Whether the host has not been restarted since."""
        return self.boot == boot_id()
