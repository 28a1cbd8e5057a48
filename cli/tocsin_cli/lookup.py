"""From what people type to what the API knows: names, ids, unique prefixes of ids."""

import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

from tocsin_cli.client import Client, path_of
from tocsin_cli.failures import Missing
from tocsin_cli.paging import pages
from tocsin_cli.targets import parse_target

_PREFIX: Final = re.compile(r"[0-9a-f]{4,8}|[0-9a-f]{8}-[0-9a-f-]{0,27}")
#: A prefix of a job's id is looked for among so many jobs; the API finds whole ids and names only.
_MAX_JOBS: Final = 1_000

Json = dict[str, Any]


async def find_job(api: Client, ref: str) -> Json:
    """The job with this name, id or unique id prefix. Raises Missing."""
    try:
        return await _get(api, "jobs", ref)
    except Missing:
        if not _PREFIX.fullmatch(ref):
            raise Missing(f"there is no job {ref!r}; see: tocsin jobs ls", status=404) from None
    matching: list[Json] = []
    async with aclosing(pages(api, "/api/jobs", {}, limit=_MAX_JOBS)) as answers:
        async for page in answers:
            matching += [job for job in page["data"] if str(job["id"]).startswith(ref)]
    return _only(matching, "job", ref, lambda job: f"{job['id']} ({job['name']})")


async def find_agent(api: Client, ref: str) -> Json:
    """The agent with this name, id or unique id prefix. Raises Missing."""
    try:
        return await _get(api, "agents", ref)
    except Missing:
        if not _PREFIX.fullmatch(ref):
            raise Missing(f"there is no agent {ref!r}; see: tocsin agents ls", status=404) from None
    agents: list[Json] = await api.get("/api/agents")
    matching = [one for one in agents if str(one["id"]).startswith(ref)]
    return _only(matching, "agent", ref, lambda agent: f"{agent['id']} ({agent['name']})")


async def find_run(api: Client, ref: str) -> Json:
    """The run with this id or unique id prefix, with its executions. Raises Missing."""
    return await _get(api, "runs", await _whole_id(api, "runs", "run", ref))


async def find_execution(api: Client, ref: str) -> Json:
    """The execution with this id or unique id prefix. Raises Missing."""
    return await _get(api, "executions", await _whole_id(api, "executions", "execution", ref))


async def resolve_target(api: Client, text: str) -> Json:
    """The target that the text means, agents by their id. Raises ValueError or Missing."""
    target = parse_target(text)
    if "agent" in target:
        target["agent_id"] = (await find_agent(api, target.pop("agent")))["id"]
    return target


def is_id(text: str) -> bool:
    """Whether this is a whole id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def _get(api: Client, kind: str, ref: str) -> Json:
    found: Json = await api.get(path_of(kind, ref))
    return found


async def _whole_id(api: Client, kind: str, word: str, ref: str) -> str:
    """Ids grow with time and lists go from new to old, so a prefix is one look into the list: right below it."""
    if is_id(ref):
        return ref
    if not _PREFIX.fullmatch(ref.lower()):
        raise Missing(f"{ref!r} is no {word} id; see: tocsin {kind} ls", status=404)
    highest = _padded(ref.lower(), "f")
    answer = await api.get(f"/api/{kind}", {"after": highest, "per_page": 2})
    matching = [one for one in answer["data"] if str(one["id"]).startswith(ref.lower())]
    return str(_only(matching, word, ref, lambda one: str(one["id"]))["id"])


def _padded(prefix: str, digit: str) -> str:
    template = "00000000-0000-0000-0000-000000000000"
    return prefix + template[len(prefix) :].replace("0", digit)


def _only(matching: list[Json], word: str, ref: str, shown: Callable[[Json], str]) -> Json:
    if not matching:
        raise Missing(f"there is no {word} {ref!r}", status=404)
    if len(matching) > 1:
        raise Missing(
            f"{ref!r} fits several {word}s: {', '.join(map(shown, matching[:5]))}; type more of the id"
        )
    return matching[0]


async def for_each(refs: tuple[str, ...], act: Callable[[str], Awaitable[None]]) -> int:
    """Do the same for several things; each failure is told, and the first one's exit code is returned."""
    import click

    from tocsin_cli.failures import Failure, Unreachable

    code = 0
    for ref in refs:
        try:
            await act(ref)
        except Unreachable:
            raise
        except Failure as failure:
            if len(refs) == 1:
                raise
            click.echo(f"Error: {ref}: {failure}", err=True)
            code = code or failure.exit_code
    return code
