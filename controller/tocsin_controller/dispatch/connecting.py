"""The connections that tasks name, opened for the moment of an assignment. Nothing of it is ever stored.

They are read anew for every assignment, so a retry gets what holds then. Jobs without a connection cost nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.definitions import BrokenDefinition
from tocsin_controller.dispatch.substituting import Unfilled
from tocsin_controller.security.connection_configs import opened
from tocsin_controller.security.sealing import CannotUnseal, Vault
from tocsin_controller.store.connections import sealed_connections
from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.leasing import Handed
from tocsin_shared.connections import GivenConnection
from tocsin_shared.connections.secrets import secrets_in
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.tasks import Task
from tocsin_shared.tasks.fitting import connection_of, why_unfit

#: Connections of one batch that are opened without leaving the event loop.
_FEW: Final = 20


@dataclass(frozen=True, slots=True)
class Given:
    """A connection that is ready, and the secrets in it."""

    connection: GivenConnection = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


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
        rows = await sealed_connections(session, wanted)
        if len(wanted) <= _FEW:
            given = self._open_all(wanted, rows)
        else:
            given = await asyncio.to_thread(self._open_all, wanted, rows)
        return {
            execution_id: _if_fitting(task, given[name])
            for execution_id, task in tasks.items()
            if (name := connection_of(task)) is not None
        }

    async def one(self, session: Queries, name: str) -> Given | Unfilled:
        """One connection by itself, as an execution would get it now."""
        return self._open(name, (await sealed_connections(session, [name])).get(name))

    async def secrets_of(self, session: Queries, job: JobDefinition | BrokenDefinition) -> list[str]:
        """The secrets of the connection that a job's task names, as far as it can be read now."""
        name = connection_of(job.task) if isinstance(job, JobDefinition) else None
        if name is None:
            return []
        one = self._open_all({name}, await sealed_connections(session, [name]))[name]
        return list(one.secrets) if isinstance(one, Given) else []

    def _open_all(self, names: set[str], rows: dict[str, Record]) -> dict[str, Given | Unfilled]:
        return {name: self._open(name, rows.get(name)) for name in names}

    def _open(self, name: str, row: Record | None) -> Given | Unfilled:
        if row is None:
            return Unfilled(Reason.BAD_CONNECTION, f"there is no connection '{name}'")
        try:
            one = opened(self._vault, row)
            one.model.model_validate(one.config)
        except CannotUnseal as error:
            why = f"the connection '{name}' can't be read: {error}"
            return Unfilled(Reason.BAD_CONNECTION, why[:1000])
        except ValidationError:  # its text shows values
            why = f"the connection '{name}' was stored by another release, and does not fit this one"
            return Unfilled(Reason.BAD_CONNECTION, why)
        given = GivenConnection(name=name, conn_type=one.conn_type, config=one.config)
        return Given(given, tuple(secrets_in(one.config, one.model)))


def _if_fitting(task: Task, given: Given | Unfilled) -> Given | Unfilled:
    if isinstance(given, Given):
        why = why_unfit(task, given.connection.conn_type)
        if why is not None:
            return Unfilled(Reason.BAD_CONNECTION, f"'{given.connection.name}' {why}")
    return given
