"""What explains a run."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tocsin_controller.eligibility import Candidate, Judgement, judge
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.explaining import Attempt
from tocsin_controller.why.findings import Finding
from tocsin_controller.why.run import RunFacts, explain_run, summary_of
from tocsin_shared.ids import new_id
from tocsin_shared.targets import AnyTarget

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=5)
OTHER = new_id()


def run(**parts: Any) -> dict[str, Any]:
    return {
        "status": "pending",
        "reason": None,
        "message": None,
        "trigger": {"type": "scheduler"},
        "scheduled_for": NOW,
        "created_at": EARLIER,
        "finished_at": None,
        "approval": None,
        "rollout": None,
        "not_reached": None,
        **parts,
    }


def attempt(**parts: Any) -> Attempt:
    known: dict[str, Any] = dict.fromkeys(Attempt.__slots__)
    known |= {"id": new_id(), "status": "pending", "attempt_number": 1, "created_at": EARLIER}
    known |= {"is_uncertain": False, "is_limited": False, "is_unjudged": False, "agent_name": "a"}
    return Attempt(**{**known, **parts})


def judged(name: str, *, status: str = "online", types: str = "shell", busy: int = 0) -> Judgement:
    facts = AgentFacts(new_id(), name, "standard", status, frozenset(), frozenset(types.split()))
    return judge(Candidate(facts, 2, busy, EARLIER), AnyTarget(type="any"), "shell")


def explained(facts: RunFacts) -> tuple[str, dict[str, Finding]]:
    findings = explain_run(facts)
    return summary_of(facts, findings), {finding.code: finding for finding in findings}


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ({"type": "scheduler"}, "its schedule was due at 2026-01-01 12:00:00 UTC"),
        ({"type": "cli", "by": "ann"}, "somebody started it with the command line, by ann"),
        (
            {"type": "dependency", "cause": [{"type": "api", "job_id": str(OTHER), "run_id": str(OTHER)}]},
            "the jobs that it waits for ended; it follows from 1 earlier run",
        ),
        ({"type": "retry", "only": "all"}, "an earlier run of it was tried again (all hosts)"),
        ({"type": "brand_new"}, "it was started by: brand_new"),
    ],
)
def test_every_run_says_what_brought_it_about(trigger: dict[str, Any], message: str) -> None:
    _, found = explained(RunFacts(run(trigger=trigger), NOW, []))
    assert found["trigger"].message == message
    assert found["trigger"].refs == ({"run_id": OTHER, "job_id": OTHER} if "cause" in trigger else {})


def test_a_run_that_nobody_can_take_names_what_keeps_each_agent_away() -> None:
    waiting = [attempt(route="any:shell", expires_at=NOW)]
    fleet = [judged("busy", busy=2), judged("away", status="offline"), judged("http-only", types="http")]
    summary, found = explained(RunFacts(run(), NOW, waiting, fleet=fleet))
    assert summary == "agent busy has all its slots taken (2 of 2)"
    assert found["queue"].message == (
        "1 execution waits for an agent to take it; without one it fails with no_agent"
    )
    assert (found["queue"].since, found["queue"].until) == (EARLIER, NOW)
    assert found["busy"].message == "agent busy has all its slots taken (2 of 2)"
    assert (found["offline"].message, found["offline"].since) == ("agent away is offline", EARLIER)
    assert "task_type" not in found


def test_a_target_that_means_nobody_says_so() -> None:
    facts = RunFacts(run(), NOW, [attempt(route="any:shell")], fleet=[judged("http-only", types="http")])
    _, found = explained(facts)
    assert found["no_agent"].message == (
        "no agent matches the target: http-only does not run shell tasks (it runs http)"
    )


def test_an_agent_that_is_ready_needs_no_excuse() -> None:
    facts = RunFacts(run(), NOW, [attempt(route="any:shell")], fleet=[judged("a"), judged("b", busy=2)])
    assert set(explained(facts)[1]) == {"trigger", "queue"}


def test_a_run_that_waits_for_a_place_names_who_is_before_it() -> None:
    place = {"key": "key:db", "limit": 1, "since": EARLIER, "before": [
        {"run_id": OTHER, "job_id": OTHER, "job_name": "backup", "held_at": EARLIER}]}  # fmt: skip
    held = attempt(route="any:shell", is_held=True, reason="waiting_for_place")
    summary, found = explained(RunFacts(run(), NOW, [held], places=[place]))
    assert summary == ("it waits for a place: the key 'db' lets 1 run in; before it: a run of 'backup'")
    assert found["place"].refs["run_id"] == OTHER
    assert "queue" not in found


def test_approval_is_waited_for_and_told_of_later() -> None:
    asked = {"status": "pending", "asked_at": EARLIER.isoformat(), "expires_at": NOW.isoformat()}
    summary, found = explained(RunFacts(run(approval=asked), NOW, [attempt(status="pending_approval")]))
    assert summary == "it waits for somebody's approval"
    assert found["approval"].until == NOW
    given = {**asked, "status": "approved", "by": "ann", "note": "go", "decided_at": NOW.isoformat()}
    assert explained(RunFacts(run(approval=given), NOW, []))[1]["approval"].message == (
        "it was approved by ann: go"
    )


def test_a_rollout_says_which_batch_is_waited_for() -> None:
    state = {"sizes": [1, 2], "has_canary": True, "late": 1, "quorum": None, "released": 1}
    waiting = [attempt(reason="rollout_waits", route="agent:x", is_held=True) for _ in range(2)]
    late = attempt(reason="host_offline", route="agent:y", is_held=True, agent_name="away")
    facts = RunFacts(run(rollout=state), NOW, [*waiting, late])
    summary, found = explained(facts)
    assert summary == (
        "2 hosts wait for their batch: batch 1 of 2 runs; the next one begins when all of it has ended"
    )
    assert found["host_offline"].message == "hosts that are offline are waited for: away"
    stopped = explained(RunFacts(run(rollout={**state, "stopped": "a canary failed"}), NOW, []))
    assert stopped[1]["rollout_stopped"].message == "the rollout stopped: a canary failed"


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (attempt(route="any:shell", ready_at=NOW, attempt_number=2), "retry_delay"),
        (attempt(route="any:shell", is_held=True, is_uncertain=True), "epoch_changed"),
        (attempt(route="any:shell", is_held=True, is_limited=True), "max_per_agent"),
        (attempt(status="running", agent_id=OTHER, started_at=EARLIER), "running"),
        (attempt(status="running", agent_id=OTHER, is_unjudged=True), "judging"),
        (attempt(handed_at=EARLIER, agent_id=OTHER), "handed_out"),
        (attempt(status="running", agent_id=OTHER, agent_status="offline"), "offline"),
        (attempt(status="running", agent_id=OTHER, cancel_requested_at=EARLIER), "cancelling"),
    ],
)
def test_where_an_execution_stands_is_told(one: Attempt, code: str) -> None:
    assert code in explained(RunFacts(run(), NOW, [one]))[1]


@pytest.mark.parametrize("reason", ["jitter", "blackout"])
def test_what_a_new_run_waits_for_is_said_by_the_run(reason: str) -> None:
    waiting = attempt(route="any:shell", ready_at=NOW)
    assert reason in explained(RunFacts(run(reason=reason), NOW, [waiting]))[1]


def test_a_run_that_ended_names_the_hosts_by_their_reasons() -> None:
    ends = [
        attempt(status="failed", reason="exit_code", finished_at=NOW, agent_name=f"h{n}") for n in range(7)
    ]
    facts = RunFacts(
        run(
            status="failed", reason="exit_code", message="exit code 1", finished_at=NOW,
            not_reached=[{"agent_id": str(UUID(int=1)), "name": "gone", "why": "offline"}],
        ),
        NOW,
        ends,
    )  # fmt: skip
    summary, found = explained(facts)
    assert summary == "the run failed (exit_code: exit code 1)"
    assert found["exit_code"].message == "7 executions failed (exit_code) on h0, h1, h2, h3, h4 and 2 more"
    assert found["not_reached"].message == "not reached (offline): gone"


def test_a_skipped_run_says_by_which_rule() -> None:
    facts = RunFacts(
        run(status="skipped", reason="overlap", message="1 runs were open", finished_at=NOW), NOW, []
    )
    summary, found = explained(facts)
    assert summary == "it did not run (overlap: 1 runs were open)"
    assert set(found) == {"trigger", "overlap"}
