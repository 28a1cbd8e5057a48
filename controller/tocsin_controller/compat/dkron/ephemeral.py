"""Jobs that Dkron's clients want gone once they have succeeded."""

import asyncio
from contextlib import suppress
from typing import Final
from uuid import UUID

from tocsin_controller.jitter import jittered
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.services.jobs import JobService
from tocsin_controller.store.database import Database
from tocsin_controller.store.dkron import ephemeral_jobs
from tocsin_shared.errors import Conflict, NotFound

#: How often somebody looks.
EVERY_SECS: Final = 2.0
#: So many are deleted at a time.
_AT_ONCE: Final = 100
_BY: Final = Principal(UUID(int=0), "dkron-ephemeral", Role.ADMIN)


class Ephemeral:
    """Deletes them, whichever controller comes first; their history stays."""

    def __init__(self, db: Database, jobs: JobService) -> None:
        self._db = db
        self._jobs = jobs

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(jittered(EVERY_SECS))

    async def once(self) -> None:
        """Those that have succeeded by now."""
        for job_id in await ephemeral_jobs(self._db, _AT_ONCE):
            with suppress(
                NotFound, Conflict
            ):  # another controller was here, or somebody has begun to wait for it
                await self._jobs.delete(str(job_id), _BY)
