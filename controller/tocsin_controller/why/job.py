"""When a job runs next, and what would keep it from running now. Pure.

To add something: a function over `JobFacts` in `RULES`, and what it needs in `JobFacts`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tocsin_controller.eligibility import Judgement
from tocsin_controller.store.places import Need, Taken
from tocsin_controller.why.findings import Finding, count, fleet_findings, plainly, run_words
from tocsin_shared.event_schedules import EventMatch, EventSchedule
from tocsin_shared.executions import RunStatus
from tocsin_shared.gates import Overlap
from tocsin_shared.jobs import JobDefinition, JobStatus
from tocsin_shared.schedules import CountedFrom, IntervalSchedule
from tocsin_shared.targets import is_fan_out
from tocsin_shared.why import About


@dataclass(frozen=True, slots=True)
class Darkness:
    """A blackout of the job's calendars."""

    why: str
    #: What becomes of an occurrence in it: `skip` or `defer`.
    policy: str
    #: None: not known, or a day off.
    until: datetime | None


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job with everything that may keep it from running."""

    #: As `job_row` brings it.
    row: Mapping[str, Any]
    job: JobDefinition
    #: By the database's clock.
    now: datetime
    fleet: Sequence[Judgement]
    #: Runs that have not ended.
    open_runs: int = 0
    #: The places that a run needs, each with how it stands.
    needs: Sequence[tuple[Need, Taken]] = ()
    #: What it waits for, in a sentence.
    missing: str | None = None
    #: Its newest run, as `runs_shown` brings it.
    last_run: Mapping[str, Any] | None = None
    #: Around now, and around its next instant.
    dark_now: Darkness | None = None
    dark_next: Darkness | None = None


def explain_job(facts: JobFacts) -> list[Finding]:
    """Everything that explains how the job stands."""
    return [finding for rule in RULES for finding in rule(facts)]


def summary_of(findings: Sequence[Finding]) -> str:
    """What matters most, in one sentence."""
    hinders = [finding for finding in findings if finding.about is About.HINDERS]
    due = next((finding.message for finding in findings if finding.about is About.DUE), "")
    if not hinders:
        return due
    return f"{due}; right now: {hinders[0].message}" if due else hinders[0].message


def due(facts: JobFacts) -> list[Finding]:
    """When its schedule fires next, or why it does not."""
    next_at = facts.row["next_fire_at"]
    if facts.row["quarantined_reason"]:
        return [
            Finding(
                About.DUE, "quarantined", f"its schedule is out of use: {facts.row['quarantined_reason']}"
            )
        ]
    if facts.row["status"] == JobStatus.PAUSED:
        return [_paused(facts.row["pause"] or {})]
    schedule = facts.job.schedule
    if isinstance(schedule, EventSchedule):
        return [Finding(About.DUE, "event", _awaited_event(schedule.value))]
    if (
        isinstance(schedule, IntervalSchedule)
        and schedule.value.counted_from is CountedFrom.FINISH
        and next_at is not None
        and facts.open_runs
    ):
        message = f"it is due {schedule.value.interval_secs} s after its open run has ended"
        return [Finding(About.DUE, "after_finish", message)]
    if next_at is not None:
        late = " (it is about to fire)" if next_at <= facts.now else ""
        return [Finding(About.DUE, "due", f"it is due at {plainly(next_at)}{late}", until=next_at)]
    if facts.job.depends_on:
        return [Finding(About.DUE, "dependency", "it runs when the jobs that it waits for have ended")]
    if facts.job.expires_at is not None and facts.job.expires_at <= facts.now:
        message = f"it is never due again: expires_at was {plainly(facts.job.expires_at)}"
        return [Finding(About.DUE, "expired", message, since=facts.job.expires_at)]
    if schedule.type == "on_demand":
        return [Finding(About.DUE, "on_demand", "it runs when somebody starts it: it has no schedule")]
    if facts.job.schedule.type == "event":
        return [Finding(About.DUE, "event", "it runs when a matching event happens")]
    return [Finding(About.DUE, "not_due", "its schedule is not due again")]


def _awaited_event(match: EventMatch) -> str:
    """Which events start it."""
    parts = [f"whose kind is {match.kind_pattern}"]
    if match.severity:
        parts.append(f"of severity {match.severity}")
    if match.job_name_filter:
        parts.append(f"about '{match.job_name_filter}'")
    return f"it runs at every event {', '.join(parts)}"


def _paused(pause: Mapping[str, Any]) -> Finding:
    by = f" by {pause['by']}" if pause.get("by") else ""
    note = f": {pause['note']}" if pause.get("note") else ""
    since, until = (datetime.fromisoformat(pause[key]) if pause.get(key) else None for key in ("at", "until"))
    ends = f" until {plainly(until)}" if until else ""
    return Finding(About.DUE, "paused", f"it is paused{by}{ends}{note}", since=since, until=until)


def blackouts(facts: JobFacts) -> list[Finding]:
    """Times in which its schedule does not act; starting it by hand works all the same."""
    found: list[Finding] = []
    if facts.dark_now is not None:
        dark = facts.dark_now
        message = f"its schedule keeps still: {dark.why} (starting it by hand works)"
        found.append(Finding(About.DUE, "blackout", message, until=dark.until))
    if facts.dark_next is not None and facts.dark_next != facts.dark_now:
        dark = facts.dark_next
        what = "put off" if dark.policy == "defer" else "skipped"
        found.append(
            Finding(About.DUE, "blackout", f"that occurrence will be {what}: {dark.why}", until=dark.until)
        )
    return found


def dependencies(facts: JobFacts) -> list[Finding]:
    """Jobs that have not ended as they should have."""
    if not facts.missing:
        return []
    return [Finding(About.HINDERS, "dependency", f"what it waits for is missing: {facts.missing}")]


def limits(facts: JobFacts) -> list[Finding]:
    """Its own limit, when more runs are skipped."""
    job = facts.job
    if not job.max_concurrent or job.overlap is not Overlap.SKIP or facts.open_runs < job.max_concurrent:
        return []
    message = (
        f"{count(facts.open_runs, 'run')} of it have not ended; max_concurrent is {job.max_concurrent}, "
        "so another one is skipped (overlap)"
    )
    return [Finding(About.HINDERS, "overlap", message)]


def places(facts: JobFacts) -> list[Finding]:
    """Places that other runs hold, or wait for."""
    found: list[Finding] = []
    for need, taken in facts.needs:
        if taken.has_room(need.at_most) and not taken.waiting:
            continue
        own = need.key.startswith("job:")
        what = "max_concurrent" if own else f"the key '{need.key.partition(':')[2]}'"
        if need.is_replacing:
            message = f"a new run would replace the oldest: {what} is {need.at_most}"
        else:
            message = f"a new run would wait for a place: {what} lets {count(need.at_most, 'run')} in"
        message += f"; {taken.held} hold it, {taken.waiting} wait for it"
        found.append(Finding(About.HINDERS, "place", message))
    return found


def approval(facts: JobFacts) -> list[Finding]:
    """Whether every run has to be approved."""
    if not facts.job.approval_required:
        return []
    return [Finding(About.HINDERS, "approval", "every run of it waits for somebody's approval")]


def agents(facts: JobFacts) -> list[Finding]:
    """Whether somebody could take it."""
    return fleet_findings(facts.fleet, About.HINDERS, everywhere=is_fan_out(facts.job.target))


def last(facts: JobFacts) -> list[Finding]:
    """Its newest run, if it did not run or has not ended."""
    run = facts.last_run
    if run is None:
        return [Finding(About.NOW, "never_ran", "it never ran")]
    because = ": ".join(str(part) for part in (run["reason"], run["message"]) if part)
    message = f"its newest run {run_words(RunStatus(run['status']))}" + (f" ({because})" if because else "")
    about = About.NOT_RUN if run["status"] == "skipped" else About.NOW
    since = run["finished_at"] or run["started_at"] or run["created_at"]
    return [Finding(about, "last_run", message, since=since, refs={"run_id": run["id"]})]


RULES: Final[tuple[Callable[[JobFacts], list[Finding]], ...]] = (
    due,
    blackouts,
    dependencies,
    limits,
    places,
    approval,
    agents,
    last,
)
