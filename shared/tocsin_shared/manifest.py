"""Jobs as documents that are kept in files: what says nothing is left out, and others are named, not numbered. Pure.

A document is a job's definition as the API takes it, except that it may name agents (`target: {type: agent, agent:
web-1}`) and other jobs (`depends_on: [{job: extract}]`, or just `[extract]`). It may say a `status`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from tocsin_shared.errors import FieldError
from tocsin_shared.jobs import JobDefinition, JobStatus

#: What a document may write instead of an id.
_AGENT: Final = "agent"
_JOB: Final = "job"


@dataclass(frozen=True)
class Names:
    """Who is meant by a name. Names are unique, so it goes both ways."""

    agents: Mapping[str, UUID] = field(default_factory=dict)
    jobs: Mapping[str, UUID] = field(default_factory=dict)

    @cached_property
    def of_agents(self) -> dict[str, str]:
        """The names by id, as text."""
        return {str(one): name for name, one in self.agents.items()}

    @cached_property
    def of_jobs(self) -> dict[str, str]:
        """The names by id, as text."""
        return {str(one): name for name, one in self.jobs.items()}


def to_document(job: JobDefinition, status: JobStatus, names: Names) -> dict[str, Any]:
    """The document of a job: keys in the model's order, without defaults. Whoever has no name keeps the id."""
    document = with_names(job.model_dump(mode="json", exclude_defaults=True), names)
    if status is not JobStatus.SCHEDULED:
        document["status"] = status.value
    return document


def with_names(definition: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The definition with names instead of ids, where they are known."""
    whole = dict(definition)
    target = whole.get("target")
    if isinstance(target, Mapping) and "agent_id" in target:
        whole["target"] = _named(target, "agent_id", _AGENT, names.of_agents)
    if depends_on := whole.get("depends_on"):
        whole["depends_on"] = [_named(one, "job_id", _JOB, names.of_jobs) for one in depends_on]
    return whole


def named_in(document: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The names of agents and of jobs that a document mentions."""
    agents: set[str] = set()
    target = document.get("target")
    if isinstance(target, Mapping) and isinstance(name := target.get(_AGENT), str):
        agents.add(name)
    return agents, {
        name for one in _items(document.get("depends_on")) if (name := _job_name(one)) is not None
    }


def resolved(document: Mapping[str, Any], names: Names) -> tuple[dict[str, Any], list[FieldError]]:
    """The document as the API takes it, with ids for names; and who is not known."""
    wrong: list[FieldError] = []
    whole = dict(document)
    target = whole.get("target")
    if isinstance(target, Mapping) and _AGENT in target:
        whole["target"] = _identified(target, "agent_id", _AGENT, names.agents, "target", wrong)
    if isinstance(whole.get("depends_on"), list):
        whole["depends_on"] = [
            _dependency(one, names.jobs, f"depends_on.{number}", wrong)
            for number, one in enumerate(whole["depends_on"])
        ]
    return whole, wrong


def _dependency(one: Any, jobs: Mapping[str, UUID], path: str, wrong: list[FieldError]) -> Any:
    if isinstance(one, str):
        one = {_JOB: one}
    if not isinstance(one, Mapping):
        return one
    if _JOB not in one and (name := _job_name(one)) is not None:
        one = {_JOB: name, **{key: value for key, value in one.items() if key != "job_id"}}
    return _identified(one, "job_id", _JOB, jobs, path, wrong) if _JOB in one else dict(one)


def _identified(
    one: Mapping[str, Any],
    id_key: str,
    name_key: str,
    known: Mapping[str, UUID],
    path: str,
    wrong: list[FieldError],
) -> dict[str, Any]:
    """The same with an id in the place of the name."""
    name, where = one[name_key], f"{path}.{name_key}"
    if id_key in one:
        wrong.append(FieldError(where, f"give either {name_key} or {id_key}"))
    elif not isinstance(name, str):
        wrong.append(FieldError(where, "must be a name"))
    elif name not in known:
        wrong.append(FieldError(where, f"there is no {name_key} of this name"))
    known_id = known.get(name) if isinstance(name, str) else None
    rest = {key: value for key, value in one.items() if key not in (name_key, id_key)}
    return {**rest, id_key: str(known_id or UUID(int=0))}


def _named(one: Mapping[str, Any], id_key: str, name_key: str, known: Mapping[str, str]) -> dict[str, Any]:
    """The same with a name in the place of the id, which stands where the id stood."""
    name = known.get(str(one[id_key]))
    if name is None:
        return dict(one)
    return {(name_key if key == id_key else key): (name if key == id_key else one[key]) for key in one}


def _job_name(one: Any) -> str | None:
    """The name in one item of `depends_on`; None when it has an id."""
    if isinstance(one, str):
        return one
    if not isinstance(one, Mapping):
        return None
    if isinstance(name := one.get(_JOB), str):
        return name
    text = one.get("job_id")
    return text if isinstance(text, str) and not _is_id(text) else None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
