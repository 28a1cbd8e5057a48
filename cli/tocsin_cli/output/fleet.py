"""The parts of `tocsin top`, before they are laid out."""

from tocsin_cli.fleet import Fleet
from tocsin_cli.output.agents import load, slots
from tocsin_cli.output.executions import agent_of, job_of
from tocsin_cli.output.table import Column, Table, status
from tocsin_cli.output.times import age, duration_between
from tocsin_cli.output.words import status_cell

_AGENTS = (
    Column("Agent", is_kept=True),
    Column("Status", is_kept=True),
    Column("Slots", is_number=True),
    Column("Load", is_number=True, is_extra=True),
    Column("Tags", is_extra=True),
    Column("Seen"),
)
_RUNNING = (
    Column("Job"),
    Column("Agent"),
    Column("For", is_number=True),
    Column("Try", is_number=True, is_extra=True),
    Column("Id", is_extra=True),
)
_FINISHED = (
    Column("Job"),
    Column("Agent"),
    Column("Status"),
    Column("Exit", is_number=True),
    Column("Took", is_number=True),
    Column("Ended"),
    Column("Id", is_extra=True),
)


def totals(fleet: Fleet) -> str:
    """The line of numbers on top."""
    online, agents = len(fleet.online), len(fleet.agents)
    taken, there = fleet.slots
    return (
        f"agents {online}/{agents} online   slots {taken}/{there} taken   "
        f"{fleet.running_total} running   {fleet.waiting_total} waiting"
    )


def agents_part(fleet: Fleet) -> Table:
    """One line for each agent; those that need attention first."""
    table = Table(_AGENTS, when_empty="No agents.")
    order = {"offline": 0, "draining": 1}
    for agent in sorted(fleet.agents, key=lambda one: (order.get(one["status"], 2), one["name"])):
        table.add(
            agent["name"],
            status(agent["status"]),
            slots(agent),
            load(agent),
            ", ".join(agent["tags"]),
            age(agent["last_heartbeat"]),
        )
    return table


def running_part(fleet: Fleet) -> Table:
    """What runs, the newest first."""
    table = Table(_RUNNING, when_empty="Nothing is running.")
    for one in fleet.running:
        elapsed = duration_between(one.get("started_at"), None)
        table.add(job_of(one), agent_of(one), elapsed, str(one.get("attempt_number", 1)), one["id"])
    return table


def finished_part(fleet: Fleet) -> Table:
    """What has ended, the newest end first."""
    table = Table(_FINISHED, when_empty="Nothing has run yet.")
    for one in fleet.finished:
        code = one.get("exit_code")
        table.add(
            job_of(one),
            agent_of(one),
            status_cell(one),
            "-" if code is None else str(code),
            duration_between(one.get("started_at"), one["finished_at"]),
            age(one["finished_at"]),
            one["id"],
        )
    return table
