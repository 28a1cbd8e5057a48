"""The loop at the gates: gives places to those that wait, and ends what nobody approved in time.

Every controller runs it. It looks at what is true and not at what it was told, so nothing is lost with a hint or with a
controller; keys are locked while their places are given away, so no place is given twice.
"""

import time
from collections.abc import Callable

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, PLACES, Hints, woken_within
from tocsin_controller.isolation import IN_THE_WAY
from tocsin_controller.jitter import jittered
from tocsin_controller.store.database import Database, HeldSession, Session
from tocsin_controller.store.leasing import Lane, NewWork
from tocsin_controller.store.places import (
    Asking,
    keys_waited_for,
    lock_keys,
    places_taken,
    release,
    runs_on_key,
    sweep_places,
    waiting_for_key,
)
from tocsin_controller.workflow.cancel import Canceller
from tocsin_controller.workflow.gates.approving import Approver
from tocsin_controller.workflow.gates.places import to_admit, to_replace
from tocsin_controller.workflow.rollouts.driving import resume
from tocsin_shared.errors import Unavailable
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.logs import log

#: Even without a hint it looks this often (±20 %).
LOOK_SECS = 1.0
#: Ended runs that still hold places are looked for this often: only an older release leaves them behind.
SWEEP_SECS = 30.0
#: For runs whose definition can't be read: they fail when they are handed out.
UNREADABLE_QUEUE_TIMEOUT_SECS = 300.0


class Gatekeeper:
    """Lets waiting runs through, in their order."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        definitions: Definitions,
        approver: Approver,
        canceller: Canceller,
        on_work: Callable[[dict[Lane, NewWork]], None],
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._approver = approver
        self._canceller = canceller
        self._on_work = on_work
        self._sweep_due_at = time.monotonic() + SWEEP_SECS

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        async with self._db.hold() as session:
            with self._hints.watch(PLACES) as woken:
                while True:
                    woken.clear()
                    await self.look(session)
                    await woken_within(woken, jittered(LOOK_SECS))

    async def look(self, session: HeldSession) -> None:
        """One look at everything that waits."""
        await self._expire_approvals(session)
        if time.monotonic() >= self._sweep_due_at:
            self._sweep_due_at = time.monotonic() + SWEEP_SECS
            if swept := await sweep_places(session):
                log.warning("places_swept", count=swept)
        for key in await keys_waited_for(session):
            try:
                await self._give_away(session, key)
            except Unavailable:
                raise
            except IN_THE_WAY:
                log.info("places_given_later", key=key)  # the next look does it
            except Exception:  # who waits on other keys must not wait for this one
                log.exception("places_not_given", key=key)

    async def _give_away(self, session: HeldSession, key: str) -> None:
        """Let those through that a place on this key was missing for, and end those that they replace."""
        keys = {need.key for run in await waiting_for_key(session, key) for need in run.needs}
        async with session.transaction() as transaction:
            await lock_keys(transaction, keys)
            # Again, now that nobody else changes it; who came meanwhile with other keys has its turn at the next look.
            waiting = [
                run
                for run in await waiting_for_key(transaction, key)
                if keys.issuperset(need.key for need in run.needs)
            ]
            taken = await places_taken(transaction, keys)
            admitted = to_admit(waiting, taken)
            lanes = await self._release(transaction, admitted)
            replaced = to_replace(await runs_on_key(transaction, key))
        self._on_work(lanes)
        for run_id, newer_id in replaced:
            await self._canceller.replace_run(run_id, newer_id)

    async def _release(self, session: Session, admitted: list[Asking]) -> dict[Lane, NewWork]:
        if not admitted:
            return {}
        keys = [(run.job_id, run.job_version) for run in admitted]
        definitions = await self._definitions.get_many(session, keys)
        timeouts = {
            run.run_id: job.queue_timeout_secs
            if isinstance(job := definitions[run.job_id, run.job_version], JobDefinition)
            else UNREADABLE_QUEUE_TIMEOUT_SECS
            for run in admitted
        }
        lanes = await release(session, timeouts)
        for run in admitted:
            job = definitions[run.job_id, run.job_version]
            if isinstance(job, JobDefinition):
                await resume(session, run.run_id, job)
        return lanes

    async def _expire_approvals(self, session: HeldSession) -> None:
        while True:
            async with session.transaction() as transaction:
                decided = await self._approver.expire(transaction)
            for one in decided:
                self._approver.announce(one)
            if not decided:
                return
            self._hints.hint(EVENTS)
