"""The connections that tasks name, opened for the moment of an assignment. Nothing of it is ever stored.

They are read anew for every assignment, so a retry gets what holds then. Jobs without a connection cost nothing.
"""

from collections.abc import Sequence
from uuid import UUID

from tocsin_controller.definitions import BrokenDefinition
from tocsin_controller.security.sealing import Vault
from tocsin_controller.security.using_connections import Given, usable_connections
from tocsin_controller.security.values import Unfilled
from tocsin_controller.store.database import Queries
from tocsin_controller.store.leasing import Handed
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.tasks import Task
from tocsin_shared.tasks.fitting import connection_of, why_unfit


class Connector:
    """Opens the connections of one controller's assignments."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def give(
        self, session: Queries, works: Sequence[tuple[Handed, JobDefinition | BrokenDefinition]]
    ) -> dict[UUID, Given | Unfilled]:
        """The connections of those that name one, by execution; all are read in one question."""
        tasks = {
            work.execution_id: job.task
            for work, job in works
            if isinstance(job, JobDefinition) and connection_of(job.task) is not None
        }
        if not tasks:
            return {}
        wanted = {name for task in tasks.values() if (name := connection_of(task)) is not None}
        given = await usable_connections(session, self._vault, wanted)
        return {
            execution_id: _if_fitting(task, given[name])
            for execution_id, task in tasks.items()
            if (name := connection_of(task)) is not None
        }

    async def one(self, session: Queries, name: str) -> Given | Unfilled:
        """One connection by itself, as an execution would get it now."""
        return (await usable_connections(session, self._vault, [name]))[name]

    async def secrets_of(self, session: Queries, job: JobDefinition | BrokenDefinition) -> list[str]:
        """The secrets of the connection that a job's task names, as far as it can be read now."""
        name = connection_of(job.task) if isinstance(job, JobDefinition) else None
        if name is None:
            return []
        one = await self.one(session, name)
        return list(one.secrets) if isinstance(one, Given) else []


def _if_fitting(task: Task, given: Given | Unfilled) -> Given | Unfilled:
    if isinstance(given, Given):
        why = why_unfit(task, given.connection.conn_type)
        if why is not None:
            return Unfilled(Reason.BAD_CONNECTION, f"'{given.connection.name}' {why}")
    return given
