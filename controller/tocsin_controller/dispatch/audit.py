"""What an agent says it has, held against what it should have: the decisions, without any I/O.

Guarantee G2 rests here: an execution is handed out again only when the agent's own words show that the answer
which carried it was not received.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tocsin_controller.store.leasing import ExecutionState, Lease
from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.protocol import Held

#: A started execution that its agent does not know is given this long: its result may be on the way.
FORGOTTEN_AFTER_SECS = 15.0


@dataclass(slots=True)
class Findings:
    """What follows from comparing."""

    #: The answer that carried these was lost: hand them out again.
    offer_again: list[Lease] = field(default_factory=list)
    #: Started once, but the agent knows nothing of them.
    forgotten: list[Lease] = field(default_factory=list)
    #: Somebody asked to end these.
    cancel: list[Lease] = field(default_factory=list)
    #: Cancelled before the agent ever heard of them.
    never_arrived: list[Lease] = field(default_factory=list)
    #: Held by the agent, but not leased to it: ask where they stand.
    unleased: list[Held] = field(default_factory=list)

    def rests_on_other_process(self, incarnation: UUID | None) -> bool:
        """Whether something is believed unheard because another process of the agent got it: an earlier one?"""
        unheard = (*self.offer_again, *self.forgotten, *self.never_arrived)
        return any(lease.incarnation != incarnation for lease in unheard)

    def forget_unheard(self) -> None:
        """It was a later process that got it."""
        self.offer_again, self.forgotten, self.never_arrived = [], [], []


def compare(
    leases: Sequence[Lease], held: Collection[Held], *, incarnation: UUID | None, seq: int | None
) -> Findings:
    """Compare an agent's leases with what it says it has.

    `seq` is that of the poll that says so, or None for a heartbeat, which may overtake the answer of a poll
    and therefore proves nothing about executions that the agent does not name.
    """
    findings = Findings()
    fences = {h.execution_id: h.fence for h in held}
    leased: set[UUID] = set()
    for lease in leases:
        fence = fences.get(lease.execution_id)
        if fence is not None:
            leased.add(lease.execution_id)
            if fence < lease.fence:
                findings.unleased.append(Held(execution_id=lease.execution_id, fence=fence))
            if lease.is_cancel_requested:
                findings.cancel.append(lease)
        elif seq is not None and _was_carried_earlier(lease, incarnation, seq):
            if not lease.started:
                kind = findings.never_arrived if lease.is_cancel_requested else findings.offer_again
                kind.append(lease)
            elif lease.age_secs > FORGOTTEN_AFTER_SECS:
                findings.forgotten.append(lease)
    findings.unleased.extend(h for h in held if h.execution_id not in leased)
    return findings


def _was_carried_earlier(lease: Lease, incarnation: UUID | None, seq: int) -> bool:
    """Whether the answer with this lease precedes the poll that speaks now."""
    return lease.incarnation != incarnation or lease.seq is None or lease.seq < seq


def must_stop(
    held: Held, agent_id: UUID, lease_fence: int | None, state: ExecutionState | None
) -> str | None:
    """Why an agent must kill an execution that is not leased to it under this fence; None when it may go on.

    It may go on when it was declared lost and nobody else got the right since: its result still counts (G4).
    """
    if lease_fence is not None and held.fence < lease_fence:
        return "handed out again"
    if state is None:
        return "unknown execution"
    if is_found(held, agent_id, state):
        return None
    if ExecutionStatus(state.status).is_final:
        return f"already {state.status}"
    return "no longer assigned to this agent"


def is_found(held: Held, agent_id: UUID, state: ExecutionState | None) -> bool:
    """Whether this execution was declared lost and its agent is back with it, before anybody else got the right."""
    return (
        state is not None
        and state.status == ExecutionStatus.LOST
        and state.fence == held.fence
        and state.agent_id == agent_id
    )
