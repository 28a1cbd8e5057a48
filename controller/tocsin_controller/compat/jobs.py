"""What facades have in common whose jobs are called by their id: finding one, and switching it."""

from tocsin_controller.api.admission import Admission
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.compat.facade import Facade, FacadeCall
from tocsin_controller.compat.saving import as_update
from tocsin_controller.store.database import Record
from tocsin_controller.store.jobs import job_row
from tocsin_shared.errors import NotFound


class FacadeOfJobs(Facade):
    """An API whose paths hold the id of a job."""

    def __init__(self, admission: Admission, parts: Parts) -> None:
        super().__init__(admission)
        self._db = parts.db
        self._jobs = parts.jobs

    async def _row(self, ref: str) -> Record:
        """Raises NotFound."""
        row = await job_row(self._db, self._jobs.ref(ref))
        if row is None:
            raise NotFound("job not found")
        return row

    async def _switched(self, call: FacadeCall, *, is_enabled: bool) -> Record:
        """The job that the path names, as it was before. Raises NotFound."""
        row = await self._row(call.path["id"])
        change = as_update({"status": "scheduled" if is_enabled else "paused"}, row["definition"])
        await self._jobs.update(str(row["id"]), change, call.caller)
        return row
