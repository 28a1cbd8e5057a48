"""What a verdict makes of a result. Pure: reported end and findings in; the end that counts, and what is told, out."""

from dataclasses import dataclass, replace
from typing import Any, Final

from tocsin_controller.rules.judging import Verdict
from tocsin_controller.store.events import NewEvent
from tocsin_controller.workflow.ending import Ended
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.masks import VARIABLE_MASK
from tocsin_shared.output_rules import ExtractionTarget, OutputRules

#: Of the messages of failed assertions.
MOST_CHARS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Judged:
    """The end that counts."""

    ended: Ended
    #: Added to the end of stderr.
    said: bytes = b""


def judged(e: Ended, verdict: Verdict, *, ends_line: bool) -> Judged:
    """A success whose assertions do not hold is a failure, and says why; everything else ended as it did."""
    if not verdict.failed or e.status is not ExecutionStatus.SUCCEEDED:
        return Judged(e)
    message = f"assertion failed: {'; '.join(verdict.failed)}"
    said = "".join(f"[assertion failed] {text}\n" for text in verdict.failed).encode()
    said = said if ends_line else b"\n" + said
    failed = replace(
        e,
        status=ExecutionStatus.FAILED,
        reason=Reason.ASSERTION_FAILED,
        message=message[:MOST_CHARS],
        stderr_bytes=e.stderr_bytes + len(said),
    )
    return Judged(failed, said)


def unjudged(e: Ended, rules: OutputRules, why: str) -> Ended:
    """The rules could not be applied: a success that had to hold to something can't be called one."""
    if not rules.assertions or e.status is not ExecutionStatus.SUCCEEDED:
        return e
    return replace(e, status=ExecutionStatus.FAILED, reason=Reason.RULES_FAILED, message=why)


def values_for_variables(rules: OutputRules, verdict: Verdict) -> dict[str, str]:
    """What goes into which variable."""
    return {
        rule.variable: verdict.extracted[rule.name]
        for rule in rules.extractions
        if rule.variable is not None and rule.name in verdict.extracted
    }


def shown(rules: OutputRules, verdict: Verdict, secret: set[str]) -> dict[str, str]:
    """What was taken, as it may be shown: what went into a secret variable is masked."""
    hidden = {rule.name for rule in rules.extractions if rule.variable in secret}
    return {name: VARIABLE_MASK if name in hidden else value for name, value in verdict.extracted.items()}


def new_stdout(rules: OutputRules, verdict: Verdict) -> bytes | None:
    """What stdout is replaced by; None: it stays."""
    lines = [
        f"{rule.name}: {verdict.extracted[rule.name]}\n"
        for rule in rules.extractions
        if rule.target is ExtractionTarget.OUTPUT and rule.name in verdict.extracted
    ]
    return "".join(lines).encode() if lines else None


def events(
    e: Ended, job: JobDefinition, rules: OutputRules, verdict: Verdict, refused: dict[str, str]
) -> list[NewEvent]:
    """What is told. Never what the output said."""
    work = e.work
    ids: dict[str, Any] = {
        "job_id": work.job_id,
        "run_id": work.run_id,
        "execution_id": work.execution_id,
        "agent_id": e.agent_id,
    }
    matched = [
        NewEvent(
            "output.matched",
            rules.triggers[place].severity,
            f"Output of job '{job.name}' matched '{rules.triggers[place].pattern}'",
            **ids,
        )
        for place in verdict.matched
    ]
    problems = [*verdict.problems, *((name, f"variable not written: {why}") for name, why in refused.items())]
    return matched + [
        NewEvent(
            "output.rule_failed",
            "warning",
            f"An output rule of job '{job.name}' could not be applied: '{name}'",
            details=why,
            **ids,
        )
        for name, why in problems
    ]
