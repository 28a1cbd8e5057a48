"""Tasks as they are told to agents, with values in the place of references. Nothing of it is ever stored.

Values are read anew for every assignment, so a retry gets what holds then. Jobs that use no values cost one look into
a dict.
"""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tocsin_controller.definitions import BrokenDefinition, VersionKey
from tocsin_controller.security.sealing import CannotUnseal, Vault
from tocsin_controller.store.database import Queries
from tocsin_controller.store.leasing import Handed, Work
from tocsin_controller.store.sealed import variable_place
from tocsin_controller.store.substitution import StoredValues, stored_values
from tocsin_controller.substitution.references import PARAMS, CannotPlace, Scalar, as_text
from tocsin_controller.substitution.tasks import Uses, fill_task, inspect
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import MAX_SECRETS_BYTES
from tocsin_shared.tasks import Task
from tocsin_shared.wire import dumps

_TASK: Final[TypeAdapter[Task]] = TypeAdapter(Task, config=ConfigDict(defer_build=True))
_CAPACITY: Final = 20_000


@dataclass(frozen=True, slots=True)
class Filled:
    """A task that is ready, and the secrets in it."""

    task: Task = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Why a task can't be told to anybody; never with a value."""

    reason: Reason
    message: str


class Substituter:
    """Fills the tasks of one controller's assignments."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        #: What each version of a job uses; None for nothing. A version never changes.
        self._uses: OrderedDict[VersionKey, Uses | None] = OrderedDict()

    async def fill(
        self, session: Queries, works: Sequence[tuple[Handed, JobDefinition | BrokenDefinition]]
    ) -> dict[UUID, Filled | Unfilled]:
        """The tasks of those that use values, by execution; all values are read in one question."""
        using = [
            (work, job, uses)
            for work, job in works
            if isinstance(job, JobDefinition) and (uses := self._uses_of(work, job)) is not None
        ]
        if not using:
            return {}
        values = await stored_values(
            session,
            {name for _, _, uses in using for name in uses.variables},
            {work.run_id for work, _, uses in using if uses.params},
        )
        return {
            work.execution_id: self._filled(job, uses, _Values(self._vault, values, work.run_id))
            for work, job, uses in using
        }

    async def secrets_of(
        self, session: Queries, work: Work, job: JobDefinition | BrokenDefinition
    ) -> list[str]:
        """The secrets that a job's task would get now, as far as they can be read."""
        uses = self._uses_of(work, job) if isinstance(job, JobDefinition) else None
        if uses is None or not uses.variables:
            return []
        values = _Values(self._vault, await stored_values(session, uses.variables, ()), work.run_id)
        return values.every_secret()

    def _uses_of(self, work: Work, job: JobDefinition) -> Uses | None:
        key = (work.job_id, work.job_version)
        if key not in self._uses:
            self._uses[key], _ = inspect(job.task.model_dump(mode="json")) if _may_use(job) else (None, [])
            if len(self._uses) > _CAPACITY:
                self._uses.popitem(last=False)
        return self._uses[key]

    def _filled(self, job: JobDefinition, uses: Uses, values: "_Values") -> Filled | Unfilled:
        missing = values.missing(uses)
        if missing:
            return Unfilled(Reason.UNRESOLVED_VARIABLE, f"no value for {', '.join(missing)}"[:1000])
        try:
            task = fill_task(job.task.model_dump(mode="json"), values.text)
        except CannotPlace as error:
            return Unfilled(Reason.UNSAFE_VALUE, str(error)[:1000])
        except _CannotRead as error:
            return Unfilled(Reason.UNRESOLVED_VARIABLE, str(error)[:1000])
        try:
            filled = _TASK.validate_python(task)
        except ValidationError as error:
            # Not the error's own text: that shows what it did not like.
            where = ", ".join(".".join(map(str, one["loc"][1:])) for one in error.errors(include_input=False))
            return Unfilled(Reason.UNSAFE_VALUE, f"with its values the task does not fit: {where}"[:1000])
        secrets = tuple(sorted(values.secrets))
        if sum(len(secret.encode()) for secret in secrets) > MAX_SECRETS_BYTES:
            why = f"its secrets have more than {MAX_SECRETS_BYTES} bytes together, too many to look for in output"
            return Unfilled(Reason.UNSAFE_VALUE, why)
        return Filled(filled, secrets)


class _CannotRead(Exception):
    """A secret can't be decrypted. The message names it."""


class _Values:
    """The values for one execution."""

    def __init__(self, vault: Vault, values: StoredValues, run_id: UUID) -> None:
        self._vault = vault
        self._variables = values.variables
        self._params: dict[str, Any] = values.params.get(run_id, {})
        #: Those that were used.
        self.secrets: set[str] = set()

    def missing(self, uses: Uses) -> list[str]:
        """References without a value, and why if that is not clear."""
        return [
            *(as_text(PARAMS + name) for name in sorted(uses.params) if self._params.get(name) is None),
            *(
                as_text(name) + (" (expired)" if name in self._variables else "")
                for name in sorted(uses.variables)
                if name not in self._variables or self._variables[name].is_expired
            ),
        ]

    def text(self, name: str) -> str:
        """The value of a name that is not missing."""
        if name.startswith(PARAMS):
            value = self._params[name.removeprefix(PARAMS)]
            if isinstance(value, str):
                return value
            text = dumps(value).decode()
            return Scalar(text) if isinstance(value, (bool, int, float)) else text
        stored = self._variables[name]
        if stored.sealed is None:
            return stored.text or ""
        try:
            secret = self._vault.unseal(stored.sealed, variable_place(name))
        except CannotUnseal as error:
            raise _CannotRead(f"{as_text(name)} can't be decrypted: {error}") from None
        self.secrets.add(secret)
        return secret

    def every_secret(self) -> list[str]:
        """All secrets among the variables, expired ones too."""
        for name, stored in self._variables.items():
            if stored.sealed is not None:
                with suppress(_CannotRead):
                    self.text(name)
        return sorted(self.secrets)


def _may_use(job: JobDefinition) -> bool:
    return b"{{" in dumps(job.task.model_dump(mode="json"))
