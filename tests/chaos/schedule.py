"""Which fault comes when, in the mix: drawn from a seed, told in advance, the same each time."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to come."""

    kind: str
    target: str
    #: Seconds after the start of the mix.
    after_secs: float
    for_secs: float


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault, what it can hit, and how long it may last."""

    name: str
    targets: tuple[str, ...]
    least_secs: float
    most_secs: float
    #: How often it is drawn, compared with others.
    weight: int = 1


def draw(kinds: Sequence[Kind], seed: int, secs: float, *, pause_secs: float = 4.0) -> list[Planned]:
    """One fault after another, with a pause after each in which everything may recover, for so long."""
    chance = random.Random(seed)  # noqa: S311  repeatable on purpose
    plan: list[Planned] = []
    now = pause_secs
    while True:
        kind = chance.choices(kinds, [k.weight for k in kinds])[0]
        length = round(chance.uniform(kind.least_secs, kind.most_secs), 1)
        if now + length > secs:
            return plan
        plan.append(Planned(kind.name, chance.choice(kind.targets), round(now, 1), length))
        now += length + chance.uniform(0.5, 1.5) * pause_secs
