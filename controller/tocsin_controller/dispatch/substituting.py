"""Tasks as they are told to agents, with values in the place of references. Nothing of it is ever stored.

Values are read anew for every assignment, so a retry gets what holds then. Jobs that use no values cost one look into
a dict.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tocsin_controller.definitions import BrokenDefinition, VersionKey
from tocsin_controller.security.sealing import Vault
from tocsin_controller.security.values import CannotRead, Unfilled, Values
from tocsin_controller.store.database import Queries
from tocsin_controller.store.leasing import Handed, Work
from tocsin_controller.store.substitution import stored_values
from tocsin_controller.substitution.references import CannotPlace
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
            work.execution_id: self._filled(
                job, uses, Values(self._vault, values.variables, values.params.get(work.run_id))
            )
            for work, job, uses in using
        }

    async def secrets_of(
        self, session: Queries, work: Work, job: JobDefinition | BrokenDefinition
    ) -> list[str]:
        """The secrets that a job's task would get now, as far as they can be read."""
        uses = self._uses_of(work, job) if isinstance(job, JobDefinition) else None
        if uses is None or not uses.variables:
            return []
        stored = await stored_values(session, uses.variables, ())
        return Values(self._vault, stored.variables).every_secret()

    def _uses_of(self, work: Work, job: JobDefinition) -> Uses | None:
        key = (work.job_id, work.job_version)
        if key not in self._uses:
            self._uses[key], _ = inspect(job.task.model_dump(mode="json")) if _may_use(job) else (None, [])
            if len(self._uses) > _CAPACITY:
                self._uses.popitem(last=False)
        return self._uses[key]

    def _filled(self, job: JobDefinition, uses: Uses, values: Values) -> Filled | Unfilled:
        missing = values.missing(uses.variables, uses.params)
        if missing:
            return Unfilled(Reason.UNRESOLVED_VARIABLE, f"no value for {', '.join(missing)}"[:1000])
        try:
            task = fill_task(job.task.model_dump(mode="json"), values.text)
        except CannotPlace as error:
            return Unfilled(Reason.UNSAFE_VALUE, str(error)[:1000])
        except CannotRead as error:
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


def _may_use(job: JobDefinition) -> bool:
    return b"{{" in dumps(job.task.model_dump(mode="json"))
