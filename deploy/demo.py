"""`make demo`: a controller, two agents and a few jobs on a fresh machine, shown on the terminal."""

import asyncio
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from deploy.fleet import BIN, Fleet, free_port

WATCH_CRON_SECS = 8.0

console = Console(highlight=False, soft_wrap=True)


class Demo:
    """Runs the product's own commands against a fleet and prints what they print."""

    def __init__(self, fleet: Fleet, http: aiohttp.ClientSession) -> None:
        self._fleet = fleet
        self._http = http

    async def show(self) -> None:
        """All of it, in order."""
        await self._wait_for_agents()
        self._tocsin("agents", "ls")
        heading("A cron job that fires every second, on whichever agent is free")
        self._tocsin(
            "jobs", "create", "heartbeat", "--command", "hostname", "--cron", "* * * * * *", "--target", "any"
        )
        await self._watch_cron("heartbeat")
        heading("One job on every host: a line per host")
        self._tocsin("jobs", "create", "inventory", "--command", "uname -sr", "--target", "all")
        self._tocsin("run", "inventory", "--follow")
        heading("A shell job whose output streams while it runs")
        steps = (
            'for step in checkout build test deploy; do echo "$step ..."; sleep 0.6; done; echo "done" >&2'
        )
        self._tocsin("jobs", "create", "release", "--command", steps, "--target", "tag:web")
        self._tocsin("run", "release", "--follow")
        heading("A job that fails: the command line ends with the job's exit code")
        self._tocsin(
            "jobs", "create", "broken", "--command", "echo 'disk full' >&2; exit 3", "--target", "tag:db"
        )
        code = self._tocsin("run", "broken", "--follow")
        console.print(f"[dim]exit code of `tocsin run broken --follow`:[/] {code}")
        if code != 3:
            raise RuntimeError(f"the failing job should have ended with 3, not {code}")
        heading("Summary")
        await self._summary()

    async def _wait_for_agents(self) -> None:
        for _ in range(400):
            agents = await self._get("/api/agents")
            if len(agents) == len(self._fleet.agents):
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(
            f"the agents did not register:\n{self._fleet.log_tail(self._fleet.agents[0].name)}"
        )

    async def _watch_cron(self, name: str) -> None:
        """Print each firing as it happens."""
        agents = {agent["id"]: agent["name"] for agent in await self._get("/api/agents")}
        job = await self._get(f"/api/jobs/{name}")
        shown: set[str] = set()
        until = time.monotonic() + WATCH_CRON_SECS
        while time.monotonic() < until:
            page = await self._get(f"/api/jobs/{job['id']}/executions?per_page=10")
            for execution in reversed(page["data"]):
                if execution["id"] not in shown and execution["finished_at"]:
                    shown.add(execution["id"])
                    where = agents.get(execution["agent_id"], "?")
                    started = execution["started_at"][11:23]
                    console.print(f"  started {started}  on {where:<6} {execution['status']}")
            await asyncio.sleep(0.2)

    async def _summary(self) -> None:
        runs = (await self._get("/api/runs?per_page=100"))["data"]
        by_status: dict[str, int] = {}
        for run in runs:
            by_status[run["status"]] = by_status.get(run["status"], 0) + 1
        late = sorted(
            (_seconds(run["started_at"]) - _seconds(run["scheduled_for"])) * 1000
            for run in runs
            if run["scheduled_for"] and run["started_at"]
        )
        counts = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
        console.print(f"runs: {len(runs)} ({counts})")
        if late:
            p50, p99 = late[len(late) // 2], late[min(len(late) - 1, int(len(late) * 0.99))]
            console.print(
                f"lateness, due -> process started: p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {len(late)}"
            )

    async def _get(self, path: str) -> Any:
        async with self._http.get(self._fleet.url + path) as answer:
            answer.raise_for_status()
            return await answer.json()

    def _tocsin(self, *words: str) -> int:
        """Run the CLI as a person would; its exit code."""
        shown = shlex.join(words)
        console.print(f"[bold]$ tocsin {shown}[/]", markup=True)
        environment = os.environ | {"TOCSIN_URL": self._fleet.url, "TOCSIN_KEY": self._fleet.admin_key}
        sys.stdout.flush()
        return subprocess.run([str(BIN / "tocsin"), *words], env=environment, check=False).returncode  # noqa: S603  ours


def heading(text: str) -> None:
    """A line between the acts."""
    console.print(f"\n[bold cyan]== {text}[/]")


def _seconds(instant: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(instant).timestamp()


async def run(fleet: Fleet) -> None:
    """Show everything against a running fleet."""
    headers = {"Authorization": f"Bearer {fleet.admin_key}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        await Demo(fleet, http).show()


def main() -> None:
    """Start a fleet in a temporary directory, show, stop."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        console.print("Starting PostgreSQL, a controller and two agents ...")
        with Fleet(Path(directory), free_port(), _key(), _key()) as fleet:
            console.print(f"Controller on {fleet.url} after {time.monotonic() - began:.1f} s")
            asyncio.run(run(fleet))
            console.print("\nStopping ...")
    console.print(f"Done in {time.monotonic() - began:.0f} s. `make dev` keeps such a fleet running.")


def _key() -> str:
    return f"tsk_{secrets.token_urlsafe(32)}"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, aiohttp.ClientError) as error:
        sys.exit(f"demo failed: {error}")
