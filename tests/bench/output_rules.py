"""A megabyte of output through rules, beside the same output without."""

from typing import Any

from tests.bench.figures import Figure, spread
from tests.bench.world import World

#: A line that looks like a log's, often enough for a megabyte; then what the rules look for.
PRINT = (
    "yes '2026-01-31 08:30:00 INFO worker 17 handled request 4711 in 12 ms' | head -c 1000000; "
    "echo; echo 'took 1234ms'; echo 'exported 99 rows to /srv/out.csv: OK'"
)
RULES = {
    "extractions": [
        {"name": "took", "pattern": r"took (\d+)ms"},
        {"name": "rows", "pattern": r"exported (?P<rows>\d+) rows", "write_to_variable": "BENCH_ROWS"},
        {"name": "file", "pattern": r"to (/\S+): OK"},
    ],
    "assertions": [{"pattern": "OK$|OK\n"}, {"pattern": r"exported \d+ rows"}],
    "triggers": [{"pattern": "ERROR|FATAL", "severity": "error"}, {"pattern": r"(WARN|warning)\b"}],
}
#: From the end on the host until the result counts and is told.
LAG = """
SELECT extract(epoch FROM v.at - e.finished_at)::float8
FROM executions AS e
JOIN events AS v ON v.execution_id = e.id AND v.kind = 'execution.completed'
WHERE e.job_id = $1 AND e.status = 'succeeded'
"""


async def one_megabyte(world: World) -> list[Figure]:
    """One execution after the other, each printing a megabyte."""
    await world.start_agents(1)
    runs = max(int(200 * world.scale), 20)
    figures = []
    for what, rules in (("no rules", None), ("7 rules", RULES)):
        job: dict[str, Any] = {
            "name": f"prints, {what}".replace(",", ""),
            "task": {"type": "shell", "command": PRINT},
            "schedule": {"type": "on_demand"},
            "target": {"type": "any"},
            "output_rules": rules,
        }
        job_id = (await world.call("POST", "/api/jobs", job))["id"]
        for n in range(runs):
            await world.call("POST", f"/api/jobs/{job_id}/trigger")
            done = f"SELECT count(*) FROM executions WHERE finished_at IS NOT NULL AND job_id = '{job_id}'"  # noqa: S608  an id that the database made
            await world.eventually(done, at_least=n + 1)
        lags = [row[0] for row in await world.db.fetch(LAG, job_id)]
        if len(lags) != runs:
            raise RuntimeError(f"{runs - len(lags)} of {runs} runs did not succeed")
        figures.append(Figure(f"1 MB of output, {what}: end on the host → result counts", spread(lags), None))
    return figures
