"""Agents as tables and fields."""

from typing import Any

from tocsin_cli.output.table import Cell, Column, Fields, Table, status
from tocsin_cli.output.times import age, time_and_age

Json = dict[str, Any]

_COLUMNS = (
    Column("Agent", is_kept=True),
    Column("Status", is_kept=True),
    Column("Slots", is_number=True),
    Column("Load", is_number=True, is_extra=True),
    Column("Tags", is_extra=True),
    Column("Tasks", is_extra=True),
    Column("Host", is_extra=True),
    Column("Version", is_extra=True),
    Column("Seen"),
)


def agents_table(agents: list[Json]) -> Table:
    """One line for each agent."""
    table = Table(_COLUMNS, when_empty="No agents. Start one on a host with: tocsin-agent")
    for agent in agents:
        table.add(
            agent["name"],
            status(agent["status"]),
            slots(agent),
            load(agent),
            ", ".join(agent["tags"]),
            ", ".join(task_types(agent)),
            agent.get("hostname") or "-",
            agent.get("version") or "-",
            age(agent["last_heartbeat"]),
        )
    return table


def agent_fields(agent: Json) -> Fields:
    """Everything about one agent."""
    fields: list[tuple[str, Cell]] = [
        ("Agent", agent["name"]),
        ("Id", agent["id"]),
        ("Status", status(agent["status"])),
        ("Type", agent["agent_type"]),
        ("Tags", ", ".join(agent["tags"]) or "-"),
        ("Task types", ", ".join(task_types(agent)) or "-"),
        ("Host", agent.get("hostname") or "-"),
        ("Version", agent.get("version") or "-"),
        ("Slots", slots(agent)),
        ("Load", load(agent)),
        ("Last seen", time_and_age(agent["last_heartbeat"])),
        ("Registered", time_and_age(agent["registered_at"])),
    ]
    for label, key in (("System", "system_info"), ("Spool", "spool")):
        if details := agent.get(key):
            fields.append((label, "\n".join(f"{name}: {value}" for name, value in details.items())))
    if running := agent.get("running"):
        lines = [
            f"{one['job_name']}  {one['execution_id']}  since {time_and_age(one['handed_at'])}"
            for one in running
        ]
        fields.append(("Running", "\n".join(lines)))
    return fields


def slots(agent: Json) -> str:
    """`3/16`: taken and there, as far as known."""
    capacity = agent.get("capacity")
    if capacity is None:
        return "-"
    running = running_count(agent)
    return str(capacity) if running is None else f"{running}/{capacity}"


def running_count(agent: Json) -> int | None:
    """How many executions it has, when the API says so."""
    for value in (agent.get("running"), (agent.get("load") or {}).get("running")):
        if isinstance(value, int):
            return value
        if isinstance(value, list):
            return len(value)
    return None


def load(agent: Json) -> str:
    """The host's load of the last minute, when its agent tells."""
    value = (agent.get("load") or {}).get("load1")
    return f"{value:.2f}" if isinstance(value, int | float) else "-"


def task_types(agent: Json) -> list[str]:
    """By name; third-party agents give whole definitions."""
    return [one["name"] if isinstance(one, dict) else str(one) for one in agent.get("task_types") or []]
