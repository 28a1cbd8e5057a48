"""Mail to a job's owner at the end of each run, as Dkron sends it once a mail server is set up. Pure."""

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
