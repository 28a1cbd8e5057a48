"""What a scenario is, and how one is played: set up, break, heal, rest, read, judge."""

import asyncio
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import stalls
from tests.chaos.fleet import fleet
from tests.chaos.history import History, Meta
from tests.chaos.stage import NotSeen, Stage
from tests.chaos.timeline import picture
from tests.chaos.verdicts.every import VERDICTS, judge
from tests.chaos.verdicts.lattice import Finding, Truth

Play = Callable[[Stage], Awaitable[None]]

#: Any scenario with a pulse must be able to say so much for certain.
USUAL = frozenset({"V1", "V2", "V3", "V5", "V6", "V7", "V8", "V9", "V10", "V11"})
PLAY_SECS = 900.0  # besides the mix


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault and what must hold."""

    #: F1 to F25, with a letter where a fault has several scenarios.
    key: str
    title: str
    play: Play
    #: Guarantees of docs/guarantees.md that it shows.
    shows: tuple[str, ...]
    #: Verdicts that have to be certain; the others may be unknown, none may be false.
    certain: frozenset[str] = USUAL
    lateness_secs: float = 5.0
    #: Played by `make test` too.
    is_short: bool = False
    #: Only played when the programs of an older release are at hand.
    needs_older: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How a scenario went."""

    scenario: Scenario
    findings: list[Finding]
    complaints: list[str] = field(default_factory=list)
    directory: Path | None = None

    @property
    def failures(self) -> list[str]:
        """Why it did not pass, one sentence each."""
        wrong = [f"{f.verdict}: {note}" for f in self.findings if f.truth is Truth.FALSE for note in f.notes]
        vague = [
            f"{f.verdict} is not known: {' '.join(f.notes)}"
            for f in self.findings
            if f.truth is Truth.UNKNOWN and f.verdict in self.scenario.certain
        ]
        return [*self.complaints, *wrong, *vague]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    key: str,
    title: str,
    *,
    shows: tuple[str, ...],
    certain: frozenset[str] = USUAL,
    lateness_secs: float = 5.0,
    is_short: bool = False,
    needs_older: bool = False,
) -> Callable[[Play], Play]:
    """Registers the coroutine below it."""
    if unknown := certain - set(VERDICTS):
        raise ValueError(f"unknown verdicts {unknown}")

    def register(play: Play) -> Play:
        SCENARIOS[key] = Scenario(key, title, play, shows, certain, lateness_secs, is_short, needs_older)
        return play

    return register


async def run(
    one: Scenario, seed: int, out: Path, *, is_short: bool, mix_secs: float = 60, older: Path | None = None
) -> Report:
    """Play it on a fresh installation. Never raises for what the product did."""
    meta = Meta(f"{one.key} {one.title}", seed, healed_ns=0, read_ns=0, lateness_secs=one.lateness_secs)
    directory = out / one.key
    # Not below a directory of pytest's: the database's account could not pass.
    with tempfile.TemporaryDirectory(prefix="tocsin-chaos-", ignore_cleanup_errors=True) as name:
        async with fleet(Path(name), seed) as installed:
            stage = Stage(installed, meta, is_short=is_short, mix_secs=mix_secs, older=older)
            history: History | None = None
            watching = asyncio.create_task(stalls.watch(stage.faults), name="stalls")
            try:
                async with asyncio.timeout(PLAY_SECS + mix_secs):
                    await one.play(stage)
                    await stage.recover()
                    is_quiet = await stage.rest()
                    if stage.samples:
                        await stage.sample("after")
                    history = await stage.collect(is_quiet=is_quiet)
            except NotSeen as error:
                stage.complaints.append(f"did not happen: {error}")
            except Exception:  # noqa: BLE001  a scenario that breaks is a failed one; the others go on
                stage.complaints.append(traceback.format_exc(limit=-6))
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            stage.complaints += installed.client.rude_answers
            directory.mkdir(parents=True, exist_ok=True)
            stage.save_logs(directory)
    if history is None:
        return Report(one, [], stage.complaints, directory)
    history.save(directory)
    (directory / "timeline.svg").write_text(picture(history))
    return Report(one, judge(history), stage.complaints, directory)
