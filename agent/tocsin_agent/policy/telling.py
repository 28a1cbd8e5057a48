"""A policy in words, for whoever wrote it."""

from collections.abc import Collection, Iterator
from pathlib import Path

from tocsin_agent.policy.decisions import Policy


def rules_of(policy: Policy) -> Iterator[str]:
    """A line for each thing that a policy decides."""
    directories, reach = policy.directories, policy.reach
    yield f"types of task    {_listed(policy.task_types, 'all that are installed')}"
    yield f"accounts         {_listed(policy.run_as, 'any')}"
    yield f"script commands  {'allowed' if policy.allow_script_shell else 'not allowed'}"
    yield f"controllers      {_listed(policy.controllers, 'the one that is set')}"
    yield f"certificates     {_listed(policy.fingerprints, 'whatever is trusted')}"
    yield f"commands begin   {_listed(directories.working, 'anywhere')}"
    yield f"files read       {_listed(directories.read, 'anywhere')}"
    yield f"files written    {_listed(directories.write, 'anywhere')}"
    yield f"never called     {_listed(reach.deny or None, 'no exception')}"
    yield f"may be called    {_listed(reach.allow or None, 'no exception')}"
    yield f"else called      {_ELSE[reach.default]}"


_ELSE = {
    "all": "everything",
    "guarded": "everything but this host, its link, its cloud's metadata and multicast",
    "public": "the internet alone",
    "none": "nothing",
}


def _listed(values: Collection[str] | Collection[Path] | None, otherwise: str) -> str:
    if values is None:
        return otherwise
    return ", ".join(sorted(map(str, values))) or "none"
