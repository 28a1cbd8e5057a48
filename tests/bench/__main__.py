"""`make bench`: prints Tocsin's figures as ratios to the floor measured in the same run."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.table import Table

from tests.bench import (
    agents_idle,
    dkron,
    fan_out,
    history,
    lateness,
    output_rules,
    pipelines,
    task_types,
    throughput,
)
from tests.bench.figures import Figure
from tests.bench.floor import measure_floor
from tests.bench.world import World, bench_world

Scenario = Callable[[World], Awaitable[list[Figure]]]

SCENARIOS: dict[str, Scenario] = {
    "noop": throughput.noop_sixteen_per_poll,
    "noop-one": throughput.noop_one_per_poll,
    "shell": throughput.shell_true,
    "lateness": lateness.due_to_start,
    "trigger": lateness.trigger_to_start,
    "idle-fleet": agents_idle.parked_polls,
    "idle-agent": agents_idle.one_agent,
    "many-jobs": lateness.with_many_stored_jobs,
    "history": history.list_pages,
    "chain": pipelines.long_chain,
    "dependents": pipelines.many_dependents,
    "search": history.search,
    "fan-out": fan_out.all_hosts,
    "output-rules": output_rules.one_megabyte,
    "dkron": dkron.thousand_jobs,
    "task-types": task_types.every_type,
}

console = Console(stderr=True, highlight=False)


async def run(names: list[str], scale: float, secs: float) -> list[Figure]:
    """Each scenario in a world of its own, so that none inherits another's load."""
    figures: list[Figure] = []
    for name in names:
        console.print(f"[dim]{name} ...[/]")
        async with bench_world(scale=scale, secs=secs) as world:
            try:
                figures += await SCENARIOS[name](world)
            except Exception as error:  # noqa: BLE001  one scenario must not cost the others
                console.print(f"[red]{name} failed: {error!r}[/]\n{world.log_tail()}")
                figures.append(Figure(name, "failed", None))
    return figures


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios, comma-separated")
    parser.add_argument("--secs", type=float, default=20, help="length of each sustained load (default 20)")
    parser.add_argument(
        "--scale",
        type=float,
        default=0.1,
        help="1 for the full sizes of jobs, history and fleet (default 0.1)",
    )
    arguments = parser.parse_args()
    names = [name for name in arguments.only.split(",") if name]
    if unknown := set(names) - set(SCENARIOS):
        sys.exit(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    console.print("[dim]floor ...[/]")
    floor = measure_floor()
    figures = asyncio.run(run(names, arguments.scale, arguments.secs))
    table = Table("what", "measured", "budget", "ratio to floor")
    for figure in floor.figures() + figures:
        table.add_row(figure.what, figure.measured, figure.budget or "", figure.ratio(floor))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
