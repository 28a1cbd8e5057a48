"""The params that a run gets: what was given, held against what its job declares, with defaults. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin_shared.errors import FieldError
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.parameters import MAX_PARAMS_BYTES, ParamValue
from tocsin_shared.wire import dumps


@dataclass(frozen=True, slots=True)
class Params:
    """What is recorded on the run, and everything that keeps it from starting."""

    values: dict[str, Any] | None
    wrong: list[FieldError] = field(default_factory=list)

    @property
    def why(self) -> str:
        """All that is wrong, for people."""
        return "; ".join(f"{one.field}: {one.reason}" for one in self.wrong)[:1000]


def params_of(job: JobDefinition, given: Mapping[str, Any] | None) -> Params:
    """What a run of this job gets.

    A job that declares no parameters takes whatever it is given. null is the same as not given.
    """
    if given and not _is_small(given):
        return Params(None, [FieldError("params", f"must be JSON of at most {MAX_PARAMS_BYTES} bytes")])
    if job.parameters is None:
        return Params(dict(given) if given else None)
    given = {name: value for name, value in (given or {}).items() if value is not None}
    values: dict[str, ParamValue] = {}
    wrong: list[FieldError] = []
    for parameter in job.parameters:
        value = given.pop(parameter.name, parameter.default)
        if value is None:
            if parameter.required:
                wrong.append(FieldError(f"params.{parameter.name}", "is required"))
            continue
        try:
            values[parameter.name] = parameter.fitting(value)
        except ValueError as error:
            wrong.append(FieldError(f"params.{parameter.name}", str(error)))
    wrong += [FieldError(f"params.{name[:128]}", "the job has no such parameter") for name in given]
    return Params(values or None, wrong)


def _is_small(given: Mapping[str, Any]) -> bool:
    try:
        return len(dumps(given)) <= MAX_PARAMS_BYTES
    except TypeError:  # a number that nobody can hold
        return False
