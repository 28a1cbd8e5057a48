"""Completes names in the shell: asks the controller briefly, and says nothing when that fails."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import click
from click.shell_completion import CompletionItem

from tocsin_cli.command import settings_of

if TYPE_CHECKING:
    from tocsin_cli.client import Client

#: People wait for the next letter, not for us.
TIMEOUT_SECS = 1.0

Ask = Callable[["Client"], Awaitable[list[CompletionItem]]]


def complete_job(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of jobs, with their groups as hints."""

    async def ask(api: "Client") -> list[CompletionItem]:
        page = await api.get("/api/jobs", {"search": incomplete or None, "per_page": 100})
        return [CompletionItem(job["name"], help=job["group"]) for job in page["data"]]

    return _asked(ctx, ask, incomplete)


def complete_agent(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of agents, with their statuses as hints."""

    async def ask(api: "Client") -> list[CompletionItem]:
        return [CompletionItem(one["name"], help=one["status"]) for one in await api.get("/api/agents")]

    return _asked(ctx, ask, incomplete)


def complete_group(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of groups."""

    async def ask(api: "Client") -> list[CompletionItem]:
        return [CompletionItem(name) for name in await api.get("/api/jobs/groups")]

    return _asked(ctx, ask, incomplete)


def complete_template(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of templates, with what they are for as hints."""

    async def ask(api: "Client") -> list[CompletionItem]:
        return [
            CompletionItem(one["name"], help=one["description"]) for one in await api.get("/api/templates")
        ]

    return _asked(ctx, ask, incomplete)


def complete_script(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of scripts, with their types as hints."""

    async def ask(api: "Client") -> list[CompletionItem]:
        return [CompletionItem(one["name"], help=one["script_type"]) for one in await api.get("/api/scripts")]

    return _asked(ctx, ask, incomplete)


def complete_connection(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of connections, with their types as hints."""

    async def ask(api: "Client") -> list[CompletionItem]:
        found = await api.get("/api/connections")
        return [CompletionItem(one["name"], help=one["conn_type"]) for one in found]

    return _asked(ctx, ask, incomplete)


def complete_target(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The forms of a target, with the tags and agents there are."""

    async def ask(api: "Client") -> list[CompletionItem]:
        agents: list[dict[str, Any]] = await api.get("/api/agents")
        tags = sorted({tag for agent in agents for tag in agent["tags"]})
        return [CompletionItem(f"tag:{tag}") for tag in tags] + [
            CompletionItem(f"agent:{agent['name']}", help=agent["status"]) for agent in agents
        ]

    fixed = [CompletionItem(word) for word in ("any", "all", "local") if word.startswith(incomplete)]
    return fixed + _asked(ctx, ask, incomplete)


def complete_timezone(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """IANA names, from this machine."""
    return [CompletionItem(zone) for zone in sorted(available_timezones()) if zone.startswith(incomplete)]


def _asked(ctx: click.Context, ask: Ask, incomplete: str) -> list[CompletionItem]:
    import asyncio

    async def run() -> list[CompletionItem]:
        from tocsin_cli.client import Client

        settings = settings_of(ctx)
        async with (
            asyncio.timeout(TIMEOUT_SECS),
            Client(settings.url, key=settings.key, ca_file=settings.ca_file) as api,
        ):
            return await ask(api)

    try:
        items = asyncio.run(run())
    except Exception:  # noqa: BLE001  whatever it is, a message would land in the middle of what is being typed
        return []
    return [item for item in items if item.value.startswith(incomplete)]
