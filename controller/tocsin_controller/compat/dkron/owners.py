"""When the owner of a job is told, or no longer. Pure."""

from collections.abc import Mapping
from typing import Any

from tocsin_shared.dkron.owners import mail_to


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
