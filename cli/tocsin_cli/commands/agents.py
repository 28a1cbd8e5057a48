"""`tocsin agents`."""

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Group, connected
from tocsin_cli.completing import complete_agent
from tocsin_cli.confirming import confirm, yes_option
from tocsin_cli.lookup import find_agent, for_each
from tocsin_cli.output.agents import agent_fields, agents_table
from tocsin_cli.output.eligibility import print_explanation
from tocsin_cli.session import Session
from tocsin_cli.targets import tagged


@click.group(cls=Group)
def agents() -> None:
    """Show and remove agents. AGENT is a name, an id, or the beginning of an id."""


@agents.command("ls", examples=["tocsin agents ls", "tocsin agents ls --tag web --status offline"])
@click.option("--tag", help="Only agents with this tag.")
@click.option("--status", "agent_status", type=click.Choice(["online", "offline", "draining"]))
@connected
async def ls(session: Session, tag: str | None, agent_status: str | None) -> None:
    """List agents by name."""
    found = [
        agent
        for agent in await session.api.get("/api/agents")
        if (tag is None or tag in agent["tags"]) and agent_status in (None, agent["status"])
    ]
    if session.out.is_json:
        session.out.json(found)
    else:
        session.out.table(agents_table(found))


@agents.command("show", examples=["tocsin agents show web-1"])
@click.argument("agent", shell_complete=complete_agent)
@connected
async def show(session: Session, agent: str) -> None:
    """Show everything about an agent."""
    found = await session.api.get(path_of("agents", (await find_agent(session.api, agent))["id"]))
    if session.out.is_json:
        session.out.json(found)
    else:
        session.out.fields(agent_fields(found))


@agents.command(
    "match",
    examples=[
        "tocsin agents match 'linux and not (db or legacy)'",
        "tocsin agents match web --task-type http",
        "tocsin agents match any",
    ],
)
@click.argument("expression")
@click.option("--task-type", default="shell", show_default=True, help="Of the work that is to be done.")
@connected
async def match(session: Session, expression: str, task_type: str) -> None:
    """Show which agents an expression over tags means, and why not the others.

    EXPRESSION is tags with `and`, `or`, `not` and parentheses, or `any`.
    """
    target = {"type": "any"} if expression == "any" else tagged(expression)
    question = {"target": target, "task_type": task_type}
    print_explanation(session.out, await session.api.post("/api/targets/explain", question))


@agents.command("rm", examples=["tocsin agents rm web-1", "tocsin agents rm old-1 old-2 --yes"])
@click.argument("agents", metavar="AGENT...", nargs=-1, required=True, shell_complete=complete_agent)
@yes_option
@connected
async def rm(session: Session, agents: tuple[str, ...], yes: bool) -> int:
    """Remove agents. One whose process still runs can come back only by registering again."""

    async def remove_one(ref: str) -> None:
        found = await find_agent(session.api, ref)
        confirm(f"Remove agent {found['name']} ({found['status']})?", yes=yes)
        await session.api.delete(path_of("agents", found["id"]))
        if not session.out.is_json:
            session.out.line(f"removed {found['name']}")

    return await for_each(agents, remove_one)
