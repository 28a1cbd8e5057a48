"""Why a run ran, waits, was skipped or did not run. Pure.

To add something: a function over `RunFacts` in `RULES`, and what it needs in `RunFacts`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tocsin_controller.eligibility import Judgement
from tocsin_controller.store.explaining import Attempt
from tocsin_controller.why.findings import Finding, count, fleet_findings, names, plainly, run_words
from tocsin_controller.workflow.rollouts.planning import RolloutState
from tocsin_shared.executions import RunStatus
from tocsin_shared.why import About

_PENDING: Final = ("pending", "pending_approval")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run with everything that may explain it."""

    #: As `runs_shown` brings it.
    run: Mapping[str, Any]
    #: By the database's clock.
    now: datetime
    attempts: Sequence[Attempt]
    #: What it waits for a place on, from `show_waiting`.
    places: Sequence[Mapping[str, Any]] = ()
    #: Every agent seen from the job's target; read while something waits for an agent.
    fleet: Sequence[Judgement] = ()
    refs: Mapping[str, UUID] = field(default_factory=dict)


def explain_run(facts: RunFacts) -> list[Finding]:
    """Everything that explains the run, what came first first."""
    return [finding for rule in RULES for finding in rule(facts)]


def summary_of(facts: RunFacts, findings: Sequence[Finding]) -> str:
    """The finding that says most about how the run stands now."""
    order = (About.WAITS, About.NOT_RUN, About.ENDED, About.NOW, About.ORIGIN)
    if RunStatus(facts.run["status"]).is_final:
        order = (About.ENDED, About.NOT_RUN, About.NOW, About.WAITS, About.ORIGIN)
    for about in order:
        of_it = [finding for finding in findings if finding.about is about]
        # That something waits says less than what it waits for.
        for finding in sorted(of_it, key=lambda one: one.code == "queue"):
            return finding.message
    return f"the run is {facts.run['status']}"


def origin(facts: RunFacts) -> list[Finding]:
    """Who or what brought the run about."""
    trigger = facts.run["trigger"]
    kind, by = str(trigger.get("type", "api")), trigger.get("by")
    due = facts.run["scheduled_for"]
    words = {
        "scheduler": "its schedule was due" + (f" at {plainly(due)}" if due else ""),
        "api": "somebody started it through the API",
        "cli": "somebody started it with the command line",
        "webhook": "its webhook was called",
        "event": "an event that it waits for happened",
        "dependency": "the jobs that it waits for ended",
        "pipeline": "its pipeline was started",
        "retry": f"an earlier run of it was tried again ({trigger.get('only', 'failed')} hosts)",
        "replay": "an earlier run of it was replayed",
        "backfill": "a range of past instants is run" + (f": {plainly(due)}" if due else ""),
    }
    message = words.get(kind, f"it was started by: {kind}") + (f", by {by}" if by else "")
    refs = {}
    if trigger.get("pipeline_run_id"):
        message += f"; it belongs to the pipeline run {trigger['pipeline_run_id']}"
    if chain := trigger.get("cause"):
        refs = {"run_id": UUID(chain[-1]["run_id"]), "job_id": UUID(chain[-1]["job_id"])}
        message += f"; it follows from {count(len(chain), 'earlier run')}"
    return [Finding(About.ORIGIN, "trigger", message, since=facts.run["created_at"], refs=refs)]


def approval(facts: RunFacts) -> list[Finding]:
    """Whether somebody has to approve it, or did."""
    asked = facts.run["approval"]
    if not asked:
        return []
    since, until = _instant(asked.get("asked_at")), _instant(asked.get("expires_at"))
    status, by, note = asked.get("status"), asked.get("by"), asked.get("note")
    if status in ("approved", "rejected", "expired"):
        said = f"{status} by {by}" if by else "not approved in time"
        about = About.ORIGIN if status == "approved" else About.NOT_RUN
        message = f"it was {said}" + (f": {note}" if note else "")
        return [Finding(about, "approval", message, since=_instant(asked.get("decided_at")))]
    if RunStatus(facts.run["status"]).is_final:
        return []
    return [Finding(About.WAITS, "approval", "it waits for somebody's approval", since=since, until=until)]


def places(facts: RunFacts) -> list[Finding]:
    """Limits and keys that other runs hold."""
    found: list[Finding] = []
    for place in facts.places:
        key = str(place["key"])
        what = "max_concurrent" if key.startswith("job:") else f"the key '{key.partition(':')[2]}'"
        before = place["before"]
        who = (
            names(f"a run of '{one['job_name'] or one['job_id']}'" for one in before) if before else "nobody"
        )
        message = f"it waits for a place: {what} lets {count(place['limit'], 'run')} in; before it: {who}"
        refs = {"run_id": before[0]["run_id"], "job_id": before[0]["job_id"]} if before else {}
        found.append(Finding(About.WAITS, "place", message, since=place["since"], refs=refs))
    return found


def rollout(facts: RunFacts) -> list[Finding]:
    """Batches that have not begun, and hosts that are waited for."""
    if not facts.run["rollout"]:
        return []
    state = RolloutState.from_json(facts.run["rollout"])
    if state.stopped:
        return [Finding(About.NOT_RUN, "rollout_stopped", f"the rollout stopped: {state.stopped}")]
    held = [one for one in facts.attempts if one.status in _PENDING and one.reason == "rollout_waits"]
    late = [one for one in facts.attempts if one.status in _PENDING and one.reason == "host_offline"]
    found: list[Finding] = []
    if held:
        now = f"batch {min(state.released, len(state.sizes))} of {len(state.sizes)}"
        if state.next_at:
            until, why = _instant(state.next_at), f"{now} has ended; the next one begins after delay_secs"
        else:
            until, why = None, f"{now} runs; the next one begins when all of it has ended"
        message = (
            "1 host waits for its batch" if len(held) == 1 else f"{len(held)} hosts wait for their batch"
        )
        message += f": {why}"
        found.append(Finding(About.WAITS, "rollout_waits", message, until=until))
    if late:
        message = f"hosts that are offline are waited for: {names(one.agent_name for one in late)}"
        found.append(Finding(About.WAITS, "host_offline", message, until=_instant(state.waits_until)))
    return found


def queued(facts: RunFacts) -> list[Finding]:
    """Executions that an agent may take, and does not."""
    by_kind: dict[tuple[str, str | None], list[Attempt]] = defaultdict(list)
    for one in facts.attempts:
        if one.route is not None and one.reason not in ("rollout_waits", "host_offline", "waiting_for_place"):
            by_kind[_queue_kind(one, facts.run["reason"])].append(one)
    found: list[Finding] = []
    for (kind, about_it), attempts in by_kind.items():
        since = min(one.created_at for one in attempts)
        until = min((one.expires_at for one in attempts if one.expires_at is not None), default=None)
        many = count(len(attempts), "execution")
        verb = "waits" if len(attempts) == 1 else "wait"
        if kind == "agent":
            where = (
                names(one.agent_name for one in attempts) if about_it == "named" else "an agent to take it"
            )
            message = f"{many} {verb} for {where}; without one it fails with no_agent"
            found.append(Finding(About.WAITS, "queue", message, since=since, until=until))
            found += _why_not_taken(facts, attempts)
        elif kind == "time":
            until = min((one.ready_at for one in attempts if one.ready_at is not None), default=None)
            why = _DELAYS.get(about_it, "the delay before the next attempt")
            code = about_it if about_it in _DELAYS and about_it else "retry_delay"
            found.append(Finding(About.WAITS, code, f"{many} {verb} for {why}", until=until))
        else:
            message, code = _HELD[kind]
            found.append(Finding(About.WAITS, code, f"{many} {message}", since=since))
    return found


_DELAYS: Final[dict[str | None, str]] = {
    "jitter": "the moment that jitter_secs says",
    "blackout": "the end of a blackout",
}
_HELD: Final = {
    "uncertain": (
        "may have run before the database was restored; only its agent can say",
        "epoch_changed",
    ),
    "limited": ("must wait until an agent has fewer than max_per_agent of its job", "max_per_agent"),
    "held": ("is held back", "held"),
}


def _queue_kind(one: Attempt, run_reason: str | None) -> tuple[str, str | None]:
    """How it waits. What its first attempts wait for besides, the run says."""
    if one.is_uncertain:
        return "uncertain", None
    if one.is_limited:
        return "limited", None
    if one.ready_at is None:
        return "agent", "named" if one.route is not None and one.route.startswith("agent:") else None
    return ("held", None) if one.is_held else ("time", run_reason)


def _why_not_taken(facts: RunFacts, attempts: Sequence[Attempt]) -> list[Finding]:
    wanted = {one.agent_id for one in attempts if one.route is not None and one.route.startswith("agent:")}
    if wanted:
        fleet = [one for one in facts.fleet if one.candidate.facts.id in wanted]
        return fleet_findings(fleet, About.WAITS, everywhere=True) if fleet else []
    return fleet_findings(facts.fleet, About.WAITS, everywhere=False)


def running(facts: RunFacts) -> list[Finding]:
    """What agents have right now."""
    found: list[Finding] = []
    begun = [one for one in facts.attempts if one.status == "running" and not one.is_unjudged]
    judged = [one for one in facts.attempts if one.is_unjudged]
    if judged:
        message = f"results are there, and output rules are being applied to them: {count(len(judged), 'execution')}"
        found.append(Finding(About.NOW, "judging", message))
    handed = [one for one in facts.attempts if one.status == "pending" and one.handed_at is not None]
    if begun:
        since = min((one.started_at for one in begun if one.started_at is not None), default=None)
        message = f"{count(len(begun), 'execution')} running on {names(one.agent_name for one in begun)}"
        found.append(Finding(About.NOW, "running", message, since=since))
    if handed:
        message = (
            f"handed to {names(one.agent_name for one in handed)}, which has not said yet that it started"
        )
        found.append(Finding(About.NOW, "handed_out", message, since=handed[0].handed_at))
    for one in [one for one in (*begun, *handed) if one.agent_status == "offline"][:5]:
        message = f"agent {one.agent_name} is silent: whether its work goes on is not known"
        refs = {"agent_id": one.agent_id} if one.agent_id else {}
        found.append(Finding(About.NOW, "offline", message, since=one.agent_seen_at, refs=refs))
    asked = [one for one in (*begun, *handed) if one.cancel_requested_at is not None]
    if asked:
        message = f"asked to end: {names(one.agent_name for one in asked)}"
        found.append(Finding(About.NOW, "cancelling", message, since=asked[0].cancel_requested_at))
    return found


def not_reached(facts: RunFacts) -> list[Finding]:
    """Hosts that it should have reached."""
    left: dict[str, list[str]] = defaultdict(list)
    for entry in facts.run["not_reached"] or ():
        left[entry["why"]].append(entry["name"])
    return [
        Finding(About.NOT_RUN, "not_reached", f"not reached ({why}): {names(hosts)}")
        for why, hosts in left.items()
    ]


def ended(facts: RunFacts) -> list[Finding]:
    """How it ended, and what made it so."""
    run = facts.run
    status = RunStatus(run["status"])
    if not status.is_final:
        return []
    because = ": ".join(str(part) for part in (run["reason"], run["message"]) if part)
    if status is RunStatus.SKIPPED:
        message = f"it did not run ({because})" if because else "it did not run"
        return [Finding(About.NOT_RUN, run["reason"] or "skipped", message, since=run["finished_at"])]
    message = f"the run {run_words(status)}" + (f" ({because})" if because else "")
    found = [Finding(About.ENDED, run["reason"] or status.value, message, since=run["finished_at"])]
    groups: dict[tuple[str, str | None], list[Attempt]] = defaultdict(list)
    for one in facts.attempts:
        if one.status not in ("succeeded", "skipped") and one.finished_at is not None:
            groups[one.status, one.reason].append(one)
    for (how, reason), attempts in groups.items():
        told = f"{count(len(attempts), 'execution')} {how.replace('_', ' ')} ({reason}) on "
        refs = {"execution_id": attempts[0].id}
        where = names(one.agent_name for one in attempts)
        found.append(Finding(About.ENDED, reason or how, told + where, refs=refs))
    return found


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


RULES: Final[tuple[Callable[[RunFacts], list[Finding]], ...]] = (
    origin,
    approval,
    places,
    rollout,
    queued,
    running,
    not_reached,
    ended,
)
