"""Whether runs may go ahead."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from tocsin_shared.views.base import View


class ApprovalView(View):
    """Whether a run may go ahead, and who said so. One decision counts for all executions of the run."""

    #: `cancelled`: the run was cancelled before anybody decided.
    status: Literal["pending", "approved", "rejected", "expired", "cancelled"]
    asked_at: datetime
    #: When the run is cancelled unless somebody decides before; null: never.
    expires_at: datetime | None
    #: The name of the key that decided.
    by: str | None
    note: str | None
    decided_at: datetime | None


class DecisionAnswer(View):
    """What became of an approval or a rejection, which counts for the whole run."""

    message: str
    execution_id: UUID
    run_id: UUID
    #: Every execution that was let go or rejected with this one.
    execution_ids: list[UUID]
