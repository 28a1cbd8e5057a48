"""Telling the audit log who changed what, from where, in the transaction that changes it."""

from collections.abc import Mapping
from typing import Any, Final

from tocsin_controller.security.roles import Principal
from tocsin_controller.store.audit import AuditRow, insert_audit
from tocsin_controller.store.database import Session
from tocsin_shared.wire import dumps

#: Longer values are cut in the audit log: it tells what changed, the resource's own history holds all of it.
MOST_CHARS: Final = 500

#: What stands for a value that may be secret.
HIDDEN: Final = "(not shown)"

Changes = Mapping[str, tuple[Any, Any]]


async def add_audit(
    session: Session,
    by: Principal,
    operation: str,
    resource_type: str,
    resource_id: object | None = None,
    details: str | None = None,
    *,
    changes: Changes | None = None,
) -> None:
    """One change by a person: what happened (`job.updated`), to what (`job`, its id), and what exactly.

    `changes` are old and new value by field. Neither they nor `details` may hold a secret: give HIDDEN for both values
    of a field that may. Without `details` the sentence is made of the changes.
    """
    await insert_audit(
        session,
        AuditRow(
            actor_key_id=by.key_id,
            actor_key_name=by.name,
            actor_address=by.address,
            operation=operation,
            resource_type=resource_type,
            resource_id=None if resource_id is None else str(resource_id),
            details=details if details is not None or not changes else sentence(changes),
            changes={field: {"old": _short(o), "new": _short(n)} for field, (o, n) in changes.items()}
            if changes
            else None,
        ),
    )


def sentence(changes: Changes) -> str:
    """`priority: 0 -> 5; task: changed`"""
    return "; ".join(_part(field, old, new) for field, (old, new) in changes.items())


def _part(field: str, old: Any, new: Any) -> str:
    if old == new:  # both hidden
        return f"{field}: changed"
    return f"{field}: {_as_text(old)} -> {_as_text(new)}"


def _as_text(value: Any) -> str:
    short = _short(value)
    return short if isinstance(short, str) else dumps(short).decode()


def _short(value: Any) -> Any:
    """The value, or the beginning of what it is as text."""
    text = value if isinstance(value, str) else dumps(value).decode()
    return value if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "..."
