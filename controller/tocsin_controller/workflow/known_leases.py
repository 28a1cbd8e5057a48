"""Leases that this controller handed out or saw lately, so that what agents report need not be looked up first.

Only beliefs: another controller may have withdrawn one. What is written on their strength names the fence, and the
statement holds it against the database.
"""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from tocsin_controller.store.leasing import Handed, Lease

#: More are in nobody's hands at once; the oldest are forgotten first.
CAPACITY = 50_000


class KnownLeases:
    """A bounded memory."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._leases: OrderedDict[UUID, Lease] = OrderedDict()
        self._capacity = capacity

    def get(self, execution_id: UUID) -> Lease | None:
        """The lease as it was last seen."""
        return self._leases.get(execution_id)

    def learn(self, handed: Iterable[Handed]) -> None:
        """These are in the hands of agents now."""
        for h in handed:
            self._leases[h.execution_id] = Lease(
                h.execution_id, h.run_id, h.job_id, h.job_version, h.attempt_number, h.agent_id, h.fence,
                h.scheduled_for, started=False, is_cancel_requested=False,
            )  # fmt: skip
        while len(self._leases) > self._capacity:
            self._leases.popitem(last=False)

    def forget(self, execution_ids: Iterable[UUID]) -> None:
        """These ended, or what is believed of them proved wrong."""
        for execution_id in execution_ids:
            self._leases.pop(execution_id, None)
