"""Work that can't be handed out: found, set aside, and ended so that people see why."""

from dataclasses import dataclass, field

from tocsin_controller.isolation import BAD_DATA
from tocsin_controller.store.database import HeldSession
from tocsin_controller.store.leasing import Work, hold_back
from tocsin_controller.workflow.ending import Ended, Ender
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.logs import log
from tocsin_shared.wire import storable


class ClaimFailed(Exception):
    """The statement that hands out failed, so nothing was handed out; the cause says why."""


@dataclass(slots=True)
class SetAside:
    """Rows out of everybody's reach while it is found out whether they are at fault."""

    ender: Ender
    rows: list[tuple[Work, BaseException]] = field(default_factory=list)

    async def add(self, session: HeldSession, work: Work, error: BaseException) -> None:
        """This one failed alone."""
        await hold_back(session, [work.execution_id])
        self.rows.append((work, error))

    async def judge(self, session: HeldSession, *, others_went_out: bool) -> None:
        """End those at fault. When everything fails it is nobody's fault: back they go, and the error is raised."""
        guilty = [one for one in self.rows if others_went_out or isinstance(one[1], BAD_DATA)]
        innocent = [one for one in self.rows if one not in guilty]
        for work, error in guilty:
            log.error("execution_set_aside", execution_id=str(work.execution_id), exc_info=error)
            message = storable(f"it can't be handed out: {type(error).__name__}: {error}")[:500]
            # If even that can't be written, it stays where nobody takes it.
            failed = Ended(work, ExecutionStatus.FAILED, Reason.INTERNAL, message)
            await self.ender.end_waiting(session, [failed])
        if innocent:
            await hold_back(session, [work.execution_id for work, _ in innocent], is_held=False)
            raise innocent[0][1]
