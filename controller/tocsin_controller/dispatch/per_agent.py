"""No agent has more of one job at once than `max_per_agent` says.

Claims go by lanes and know nothing of jobs. What was claimed of a job with a limit is counted before its agent hears of
it, under a lock for this agent and this job; what is too much goes back into the queue. Where no job has a limit this
costs nothing.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tocsin_controller.definitions import Read
from tocsin_controller.jitter import jittered
from tocsin_controller.store.database import HeldSession
from tocsin_controller.store.leasing import Handed
from tocsin_controller.store.limiting import Returned, count_leases, leases_of_jobs, put_back
from tocsin_controller.store.places import lock_keys
from tocsin_controller.targeting import route_again
from tocsin_shared.jobs import JobDefinition

#: What was put back is offered again after so long, or as soon as an agent has room: another may have come meanwhile.
AGAIN_SECS: Final = 5.0


class PerAgentLimit:
    """Counts what agents are given."""

    async def refuse(self, session: HeldSession, handed: Sequence[Handed], definitions: Read) -> set[UUID]:
        """Put back what is too much for its agent, which must not hear of it; which executions that were."""
        limited = [
            (h, job)
            for h in handed
            if isinstance(job := definitions[h.job_id, h.job_version], JobDefinition) and job.max_per_agent
        ]
        return await self._refuse(session, limited) if limited else set()

    async def _refuse(
        self, session: HeldSession, limited: Sequence[tuple[Handed, JobDefinition]]
    ) -> set[UUID]:
        agents = sorted({h.agent_id for h, _ in limited})
        jobs = sorted({h.job_id for h, _ in limited})
        async with session.transaction() as transaction:
            await lock_keys(transaction, {f"agent:{h.agent_id}:job:{h.job_id}" for h, _ in limited})
            held = await leases_of_jobs(transaction, agents, jobs)
            counted = {one.execution_id for one in held if one.is_counted}
            numbers = Counter((one.agent_id, one.job_id) for one in held if one.is_counted)
            within, too_much = [], []
            for work, job in limited:
                if work.execution_id in counted:
                    continue
                if numbers[work.agent_id, work.job_id] < (job.max_per_agent or 0):
                    numbers[work.agent_id, work.job_id] += 1
                    within.append(work.execution_id)
                else:
                    route = route_again(job, work.agent_id)
                    too_much.append(Returned(work, route, job.priority, job.queue_timeout_secs))
            await count_leases(transaction, within)
            await put_back(transaction, too_much, jittered(AGAIN_SECS))
        return {one.work.execution_id for one in too_much}
