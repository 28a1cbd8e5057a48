"""`make chaos`: plays the scenarios and prints what each verdict says. Exits with 1 when one is violated.

python -m tests.chaos [--seed N] [--secs N] [--only F12]... [--short] [--older DIR] [--out DIR] [--list]
"""

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

import tests.chaos.scenarios  # noqa: F401  registers them
from tests.chaos.scenario import SCENARIOS, Report, Scenario, run
from tests.chaos.verdicts.every import VERDICTS
from tests.chaos.verdicts.lattice import Truth

_MARKS = {Truth.TRUE: "+", Truth.UNKNOWN: "?", Truth.FALSE: "X"}
_SHOWN = 12


def main(arguments: list[str]) -> int:
    """Play what was asked for."""
    options = _options(arguments)
    if options.list:
        for one in sorted(SCENARIOS.values(), key=_place):
            print(f"{one.key:6} {'short' if one.is_short else '     '} {one.title}")
        return 0
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"Seed {seed}: `make chaos ARGS='--seed {seed}'` makes the same choices again.\n")
    chosen = _chosen(options)
    reports = [_play(one, seed, options) for one in chosen]
    failed = [report for report in reports if report.failures]
    print(
        f"\n{len(reports) - len(failed)} of {len(reports)} scenarios hold. + true, ? not known, X violated."
    )
    return int(bool(failed))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Plays the chaos scenarios.")
    parser.add_argument("--seed", type=int, help="every choice follows from it; default: a new one, printed")
    parser.add_argument("--secs", type=float, default=600, help="how long the mix goes on (default 600)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="KEY", help="such as F12; may be repeated"
    )
    parser.add_argument("--short", action="store_true", help="only the short ones, at their shortest")
    parser.add_argument(
        "--older",
        type=Path,
        metavar="DIR",
        help="where an older release has tocsin-controller and tocsin-agent",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("chaos-report"), help="where histories and pictures go"
    )
    parser.add_argument("--list", action="store_true", help="only list the scenarios")
    return parser.parse_args(arguments)


def _chosen(options: argparse.Namespace) -> list[Scenario]:
    if unknown := [key for key in options.only if key not in SCENARIOS]:
        sys.exit(f"Unknown scenarios: {', '.join(unknown)}. `--list` shows what there is.")
    asked = [SCENARIOS[key] for key in options.only] or sorted(
        (one for one in SCENARIOS.values() if one.is_short or not options.short), key=_place
    )
    playable = [one for one in asked if options.older or not one.needs_older]
    for one in asked:
        if one not in playable:
            print(f"{one.key:6} left out: it needs the programs of an older release (--older)")
    return playable


def _place(one: Scenario) -> tuple[bool, int, str]:
    """By number; the mix comes last."""
    digits = "".join(letter for letter in one.key if letter.isdigit())
    return (not digits, int(digits or 0), one.key)


def _play(one: Scenario, seed: int, options: argparse.Namespace) -> Report:
    began = time.monotonic()
    report = asyncio.run(
        run(one, seed, options.out, is_short=options.short, mix_secs=options.secs, older=options.older)
    )
    marks = {finding.verdict: _MARKS[finding.truth] for finding in report.findings}
    row = " ".join(f"{verdict}{marks.get(verdict, '-')}" for verdict in VERDICTS)
    word = "FAILS" if report.failures else "holds"
    print(f"{one.key:6} {word} {time.monotonic() - began:5.0f} s  {row}  {one.title}")
    for failure in report.failures[:_SHOWN]:
        print(f"         {failure}")
    if report.directory is not None:
        print(f"         {report.directory}/history.jsonl, timeline.svg", flush=True)
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
