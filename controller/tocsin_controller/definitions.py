"""Job definitions by version. A version never changes once written, so what was read is kept."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql
from tocsin_shared.jobs import JobDefinition

_DEFINITIONS = sql("definitions")

#: One version of one job.
VersionKey = tuple[UUID, int]


class Versioned(Protocol):
    """Whatever was made from a version of a job."""

    @property
    def job_id(self) -> UUID: ...

    @property
    def job_version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class BrokenDefinition:
    """A stored definition that this release can't read: that job must not stop the others."""

    why: str


#: What was read, by version.
Read = Mapping[VersionKey, JobDefinition | BrokenDefinition]


class Definitions:
    """A bounded memory of parsed definitions, shared by everything in one controller."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._known: OrderedDict[VersionKey, JobDefinition | BrokenDefinition] = OrderedDict()
        self._capacity = capacity

    async def get_many(
        self, session: Queries, keys: Iterable[VersionKey]
    ) -> dict[VersionKey, JobDefinition | BrokenDefinition]:
        """The definitions of these versions. Versions that don't exist come back broken."""
        wanted = set(keys)
        found = {key: self._known[key] for key in wanted if key in self._known}
        missing = sorted(wanted - found.keys())
        if missing:
            rows = await session.fetch(_DEFINITIONS, [k[0] for k in missing], [k[1] for k in missing])
            fresh = {(row["job_id"], row["version"]): _parse(row["definition"]) for row in rows}
            found.update(fresh)
            self._remember(fresh)
            found.update(
                {k: BrokenDefinition("this version is not stored") for k in missing if k not in fresh}
            )
        return found

    async def of_works(
        self, session: Queries, works: Iterable[Versioned]
    ) -> dict[VersionKey, JobDefinition | BrokenDefinition]:
        """The definitions that these were made from."""
        return await self.get_many(session, [(work.job_id, work.job_version) for work in works])

    def known(self, key: VersionKey) -> JobDefinition | BrokenDefinition | None:
        """The definition of one version, if it need not be read."""
        return self._known.get(key)

    async def get(self, session: Queries, key: VersionKey) -> JobDefinition | BrokenDefinition:
        """The definition of one version."""
        return (await self.get_many(session, [key]))[key]

    def _remember(self, fresh: dict[VersionKey, JobDefinition | BrokenDefinition]) -> None:
        self._known.update(fresh)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)


def _parse(stored: object) -> JobDefinition | BrokenDefinition:
    try:
        return JobDefinition.model_validate(stored)
    except ValueError as error:
        return BrokenDefinition(str(error))
