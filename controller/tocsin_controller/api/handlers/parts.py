"""What handlers work with."""

from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.api.endless import Endless
from tocsin_controller.api.waiters import Waiters
from tocsin_controller.engine import Engine
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.services.approvals import ApprovalService
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.show import as_uuid
from tocsin_controller.services.starting import RunStarter
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_shared.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one controller."""

    db: Database
    engine: Engine
    settings: ControllerSettings
    starter: RunStarter
    jobs: JobService
    approvals: ApprovalService
    keyring: KeyRing
    waiters: Waiters
    endless: Endless


def cursor(after: str | None) -> UUID | None:
    """The id behind a page's `next`. Raises InvalidInput."""
    if after is None:
        return None
    found = as_uuid(after)
    if found is None:
        raise InvalidInput.field("after", "is not the `next` of an earlier page")
    return found
