"""Events that tell of what somebody changed."""

from uuid import UUID

from tocsin_controller.security.roles import Principal
from tocsin_controller.store.events import NewEvent


def change_event(
    kind: str, name: str, by: Principal, *, job_id: UUID | None = None, details: str | None = None
) -> NewEvent:
    """Of `variable.created`: that the variable of this name was created, and by whom."""
    what, _, verb = kind.partition(".")
    return NewEvent(
        kind,
        "info",
        f"{what.capitalize()} '{name}' was {verb}",
        job_id=job_id,
        api_key_id=by.key_id,
        api_key_name=by.name,
        details=details,
    )
