"""Mail to a job's owner at the end of each run, as Dkron sends it once a mail server is set up. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tocsin_shared.notifications import EmailOutput, Notifications


def mail_to(owner_email: str) -> dict[str, Any] | None:
    """As `notifications`; None for what is no address: Dkron takes anything."""
    try:
        told = Notifications.model_validate(
            {
                "on_success": True,
                "on_failure": True,
                "email_output": EmailOutput.ALWAYS,
                "recipients": {"emails": [owner_email]},
            }
        )
    except ValidationError:
        return None
    return told.model_dump(mode="json")


def changed_mail(
    stored: Mapping[str, Any] | None, owner_email: str, before: str, *, can_mail: bool
) -> dict[str, Any]:
    """The change of a definition, if any: what was said of notifications elsewhere stays until the owner changes."""
    theirs = mail_to(owner_email) if can_mail else None
    if stored is None or (owner_email != before and theirs is not None):
        return {} if theirs is None else {"notifications": theirs}
    if owner_email != before and stored == mail_to(before):
        return {"notifications": None}
    return {}
