"""What `tocsin apply` and `tocsin diff` share: asking for a plan, and showing it."""

from typing import Any, Final

import click

from tocsin_cli.confirming import confirm
from tocsin_cli.documents import Documents
from tocsin_cli.exit_codes import ExitCode
from tocsin_cli.failures import Clash, Failure, Refused
from tocsin_cli.output.changes import print_changes
from tocsin_cli.session import Session

Json = dict[str, Any]

#: A plan that would change something, as `terraform plan -detailed-exitcode` has it; also the code of wrong usage.
EXIT_WITH_CHANGES: Final = 2

#: A thousand jobs take their time.
TIMEOUT_SECS: Final = 300.0

_SIGNS: Final = {"create": "+", "change": "~", "delete": "-"}
_COUNTS: Final = (("created", "to create"), ("changed", "to change"), ("deleted", "to delete"))


def request(documents: Documents, *, managed_by: str | None, prune: bool, group: str | None) -> Json:
    """What to send. Raises UsageError."""
    body: Json = {"documents": documents.bodies, "managed_by": managed_by}
    if prune:
        if (group is None) == (managed_by is None):
            raise click.UsageError("--prune needs to know where: either --group or --managed-by")
        body["prune"] = {"group": group} if group is not None else {"managed_by": managed_by}
    elif group is not None:
        raise click.UsageError("--group goes with --prune")
    return body


async def ask(session: Session, body: Json, documents: Documents) -> Json:
    """The API's answer. Raises Failure, which names files instead of numbers of documents."""
    try:
        answer: Json = await session.api.post("/api/jobs/apply", body, timeout_secs=TIMEOUT_SECS)
    except Refused as refused:
        if refused.status not in (400, 409) or not refused.details:
            raise
        kind = Clash if refused.status == 409 else Failure
        raise kind(documents.located(refused.details)) from None
    return answer


async def carry_out(
    session: Session, documents: Documents, body: Json, *, is_plan: bool, yes: bool
) -> ExitCode | int:
    """Show the plan, ask, then do all of it or nothing. With `is_plan` only show it."""
    plan = await ask(session, {**body, "dry_run": True}, documents)
    if is_plan or not has_changes(plan):
        return told(session, plan)
    if not session.out.is_json:
        show_plan(session, plan)
    confirm("Do this?", yes=yes)
    done = await ask(session, {**body, "expect": plan["plan"]}, documents)
    if session.out.is_json:
        session.out.json(done)
    else:
        counts = f"{done['created']} created, {done['changed']} changed, {done['deleted']} deleted"
        session.out.line(f"done: {counts}")
    return ExitCode.OK


def told(session: Session, plan: Json) -> int:
    """Show a plan that is not carried out; the exit code says whether it would change something."""
    if session.out.is_json:
        session.out.json(plan)
    else:
        show_plan(session, plan)
    return EXIT_WITH_CHANGES if has_changes(plan) else ExitCode.OK


def has_changes(plan: Json) -> bool:
    """Whether something would be different afterwards."""
    return any(plan[key] for key, _ in _COUNTS)


def show_plan(session: Session, plan: Json) -> None:
    """Every job that would be touched, with what would change, and the counts."""
    for job in plan["jobs"]:
        if sign := _SIGNS.get(job["action"]):
            session.out.line(f"{sign} {job['name']}")
            print_changes(session.out, job["changes"], indent="    ")
    if has_changes(plan):
        counts = ", ".join(f"{plan[key]} {words}" for key, words in _COUNTS if plan[key])
        session.out.line(f"{counts}, {plan['unchanged']} unchanged")
    else:
        session.out.line(f"nothing to change, {plan['unchanged']} as they should be")
