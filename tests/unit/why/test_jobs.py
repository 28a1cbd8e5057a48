"""What explains how a job stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin_controller.eligibility import Candidate, Judgement, judge
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.places import Need, Taken
from tocsin_controller.why.job import Darkness, JobFacts, explain_job, summary_of
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.why import About

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def judged(job: JobDefinition, *, status: str = "online") -> Judgement:
    facts = AgentFacts(new_id(), "a", "standard", status, frozenset(), frozenset({"noop"}))
    return judge(Candidate(facts, 2, 0, NOW), job.target, job.task.type)


def facts(
    *, row: dict[str, Any] | None = None, agent: str = "online", definition: Any = None, **more: Any
) -> JobFacts:
    job = JobDefinition.model_validate(
        {
            "name": "j",
            "task": {"type": "noop"},
            "schedule": {"type": "cron", "value": "@hourly"},
            "target": {"type": "any"},
            **(definition or {}),
        }
    )
    stored = {
        "status": "scheduled", "next_fire_at": LATER, "quarantined_reason": None, "pause": None, **(row or {}),
    }  # fmt: skip
    return JobFacts(row=stored, job=job, now=NOW, fleet=[judged(job, status=agent)], **more)


def hindrances(found: JobFacts) -> list[str]:
    return [finding.code for finding in explain_job(found) if finding.about is About.HINDERS]


def test_a_job_in_order_says_when_it_is_due_and_nothing_is_in_its_way() -> None:
    assert summary_of(explain_job(facts())) == "it is due at 2026-01-01 13:00:00 UTC"
    assert hindrances(facts()) == []


@pytest.mark.parametrize(
    ("row", "definition", "message"),
    [
        ({"quarantined_reason": "no such zone"}, {}, "its schedule is out of use: no such zone"),
        (
            {"status": "paused", "pause": {"by": "ann", "note": "move", "until": LATER.isoformat()}},
            {},
            "it is paused by ann until 2026-01-01 13:00:00 UTC: move",
        ),
        ({"status": "paused"}, {}, "it is paused"),
        ({"next_fire_at": NOW}, {}, "it is due at 2026-01-01 12:00:00 UTC (it is about to fire)"),
        (
            {"next_fire_at": None},
            {"expires_at": NOW.isoformat()},
            "it is never due again: expires_at was 2026-01-01 12:00:00 UTC",
        ),
        (
            {"next_fire_at": None},
            {"schedule": "on_demand"},
            "it runs when somebody starts it: it has no schedule",
        ),
        ({"next_fire_at": None}, {}, "its schedule is not due again"),
    ],
)
def test_when_it_is_due_or_why_not(row: dict[str, Any], definition: dict[str, Any], message: str) -> None:
    (due,) = [f for f in explain_job(facts(row=row, definition=definition)) if f.about is About.DUE]
    assert due.message == message


def test_schedules_without_instants_of_their_own_say_what_they_wait_for() -> None:
    event = {"type": "event", "value": {"kind_pattern": "execution.*", "severity": "error"}}
    after = {"type": "interval", "value": {"interval_secs": 60, "counted_from": "finish"}}
    assert summary_of(explain_job(facts(definition={"schedule": event}))) == (
        "it runs at every event whose kind is execution.*, of severity error"
    )
    running = facts(definition={"schedule": after}, open_runs=1)
    assert summary_of(explain_job(running)) == "it is due 60 s after its open run has ended"


def test_what_would_keep_it_from_running_now_is_named() -> None:
    assert hindrances(facts(agent="offline")) == ["offline"]
    assert hindrances(facts(definition={"target": {"type": "tagged", "tag": "db"}})) == ["no_agent"]
    assert hindrances(facts(missing="'a' has not run")) == ["dependency"]
    assert hindrances(facts(definition={"approval_required": True})) == ["approval"]
    limited = {"max_concurrent": 1}
    assert hindrances(facts(definition=limited, open_runs=1)) == ["overlap"]
    assert hindrances(facts(definition=limited, open_runs=0)) == []
    held = [(Need("key:db", 1), Taken(held=1, waiting=2, strictest=1))]
    assert hindrances(facts(needs=held)) == ["place"]
    assert hindrances(facts(needs=[(Need("key:db", 1), Taken())])) == []


def test_a_blackout_holds_the_schedule_but_nobody_who_starts_it_by_hand() -> None:
    dark = Darkness("a blackout of the calendar 'freeze'", "defer", LATER)
    found = [f for f in explain_job(facts(dark_now=dark, dark_next=dark)) if f.code == "blackout"]
    assert [(f.about, f.until) for f in found] == [(About.DUE, LATER)]
    assert hindrances(facts(dark_now=dark)) == []
    (ahead,) = [f for f in explain_job(facts(dark_next=dark)) if f.code == "blackout"]
    assert ahead.message == "that occurrence will be put off: a blackout of the calendar 'freeze'"


def test_its_newest_run_is_told_when_it_was_skipped() -> None:
    last = {
        "id": new_id(), "status": "skipped", "reason": "missed", "message": "late", "finished_at": NOW,
        "started_at": None, "created_at": NOW,
    }  # fmt: skip
    (told,) = [f for f in explain_job(facts(last_run=last)) if f.code == "last_run"]
    assert (told.about, told.message) == (About.NOT_RUN, "its newest run was skipped (missed: late)")
