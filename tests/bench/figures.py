"""One measured line, and the arithmetic on samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.floor import Floor


@dataclass(frozen=True)
class Figure:
    """What was measured, as it is shown, and its rate per second where a ratio to the floor makes sense."""

    what: str
    measured: str
    rate: float | None
    budget: str | None = None

    def ratio(self, floor: Floor) -> str:
        """The rate beside the same work done by bare statements."""
        if self.rate is None:
            return ""
        return f"{self.rate / floor.single:.2f} of one by one, {self.rate / floor.batched:.3f} of batched"


def percentile(samples: Sequence[float], share: float) -> float:
    """The value that this share of the samples does not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(samples: Sequence[float], unit: str = "ms") -> str:
    """`p50 3.1 ms, p99 9.7 ms (n=5000)`; samples in seconds."""
    factor = 1000 if unit == "ms" else 1
    p50, p99 = percentile(samples, 0.5) * factor, percentile(samples, 0.99) * factor
    return f"p50 {p50:.1f} {unit}, p99 {p99:.1f} {unit} (n={len(samples)})"
