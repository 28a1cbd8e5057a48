"""Kronforce's exports, as far as they mean something else here."""

from typing import Any

import pytest

from tocsin_cli.importing.converted import CannotConvert
from tocsin_cli.importing.kronforce import KronforceExport, read_export
from tocsin_cli.importing.taking_in import leave_out
from tocsin_shared.jobs import JobCreate
from tocsin_shared.moving import ImportDocument

JOB: dict[str, Any] = {
    "id": "5e4cf53a-7ba6-4f44-a07c-0f6ad07ea2f7",
    "name": "report",
    "description": None,
    "task": {"type": "shell", "command": "report", "working_dir": None},
    "run_as": None,
    "schedule": {"type": "cron", "value": "0 0 3 * * *"},
    "status": "paused",
    "timeout_secs": None,
    "depends_on": [],
    "target": None,
    "created_by": None,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "output_rules": None,
    "notifications": None,
    "group": "Default",
    "retry_max": 0,
    "retry_delay_secs": 0,
    "retry_backoff": 1.0,
    "approval_required": False,
    "priority": 0,
    "sla_warning_mins": 0,
    "max_concurrent": 0,
    "next_fire_time": None,
    "last_execution": None,
    "execution_counts": {"total": 0, "succeeded": 0, "failed": 0},
    "deps_satisfied": True,
    "deps_status": [],
}


def export(*jobs: dict[str, Any], **more: Any) -> KronforceExport:
    document = {"export_version": 2, "exported_at": "2026-01-01T00:00:00+00:00", "jobs": list(jobs), **more}
    return read_export(document, "export.json")


def job(**changes: Any) -> tuple[dict[str, Any], list[str]]:
    """The one job of an export, which the API's model takes, and what is told of it."""
    found = export(JOB | changes)
    ImportDocument.model_validate(found.document)
    (document,) = found.document["jobs"]
    JobCreate.model_validate(document)
    return document, [note for _, note in found.notes]


def test_a_plain_job_comes_as_it_is_with_its_id_and_status() -> None:
    document, notes = job()
    assert notes == []
    assert (document["id"], document["status"]) == (JOB["id"], "paused")
    assert document["schedule"] == JOB["schedule"]
    assert document["task"] == {"type": "shell", "command": "report"}


def test_an_interval_counts_from_the_end_of_the_last_run() -> None:
    document, notes = job(schedule={"type": "interval", "value": {"interval_secs": 300}})
    assert document["schedule"]["value"] == {"interval_secs": 300, "counted_from": "finish"}
    assert notes == []
    document, (note,) = job(schedule={"type": "interval", "value": {"interval_secs": 0}})
    assert document["schedule"]["value"]["interval_secs"] == 1
    assert "its interval was 0" in note


def test_a_time_zone_that_was_never_used_is_told_and_left_out() -> None:
    document, (note,) = job(timezone="Europe/Berlin")
    assert "timezone" not in document
    assert note.startswith("stays on UTC")


def test_calendars_lose_what_their_anchor_does_not_use() -> None:
    rule = {
        "anchor": "first_monday",
        "nth": 2,
        "weekday": None,
        "offset_days": -3,
        "months": [],
        "holidays": [],
    }
    document, (note,) = job(schedule={"type": "calendar", "value": rule})
    assert {"nth", "weekday"}.isdisjoint(document["schedule"]["value"])
    assert "may lead into another month" in note
    rule = {"anchor": "nth_weekday", "nth": 2, "weekday": "moonday"}
    document, (note,) = job(schedule={"type": "calendar", "value": rule})
    assert document["schedule"]["value"]["weekday"] == "monday"
    assert "'moonday'" in note


def test_notifications_come_along_webhooks_and_scripts_are_told() -> None:
    document, notes = job(
        task={"type": "script", "script_name": "clean"},
        notifications=(told := {"on_assertion_failure": True, "recipients": {"emails": ["ops@example.org"]}}),
        webhook_token="0123456789abcdef0123456789abcdef",
        webhook_url="/api/webhooks/0123456789abcdef0123456789abcdef",
    )
    assert {"webhook_token", "webhook_url"}.isdisjoint(document)
    assert document["notifications"] == told
    assert any("it was of every failure" in note for note in notes)
    assert any("Rhai does not run here" in note for note in notes)
    assert any(note.startswith("its webhook does not come along") for note in notes)
    assert not any("0123456789abcdef" in note for note in notes)


def test_events_that_never_came_are_told() -> None:
    value = {"kind_pattern": "agent.*", "severity": None, "job_name_filter": ""}
    document, (note,) = job(schedule={"type": "event", "value": value})
    assert "job_name_filter" not in document["schedule"]["value"]
    assert "agent.*" in note


def test_numbers_beyond_what_a_job_may_have_are_told() -> None:
    document, notes = job(priority=5_000, retry_max=1_000, retry_backoff=0.5, approval_required=True)
    assert (document["priority"], document["retry_max"], document["retry_backoff"]) == (1_000, 100, 1)
    assert len(notes) == 4


def test_jobs_that_are_not_in_the_export_are_not_waited_for() -> None:
    second = JOB | {"id": "8d3b7fd5-3a2f-4f6e-9b37-111111111111", "name": "second"}
    gone = "00000000-0000-4000-8000-000000000000"
    second["depends_on"] = [{"job_id": JOB["id"], "within_secs": None}, {"job_id": gone, "within_secs": 60}]
    found = export(JOB, second)
    assert found.document["jobs"][1]["depends_on"] == [{"job_id": JOB["id"]}]
    assert found.notes == [("second", f"waits no more for the job {gone}, which is not in the export")]


def test_masked_secrets_and_keys_are_told_never_shown() -> None:
    found = export(
        variables=[{"name": "A", "value": "a"}, {"name": "B", "value": "********", "secret": True}],
        connections=[
            {"name": "db", "conn_type": "postgres", "config": {"connection_string": "********"}},
            {"name": "hub", "conn_type": "mqtt", "config": {"broker": "hub", "port": "1883", "password": ""}},
            {"name": "f", "conn_type": "ftp", "config": {"host": "f", "password": "a{{B}}{{ c }}"}},
        ],
        api_keys=[{"name": "ci", "role": "operator"}],
        settings={
            "retention_days": "9",
            "ai_api_key": "hidden",
            "ai_provider": "openai",
            "pipeline_schedule_etl": "{}",
            "custom_groups": "[]",
        },
        templates=[{"name": "Built in", "created_by": "system", "snapshot": {}}],
    )
    assert [one["name"] for one in found.document["variables"]] == ["A"]
    hub, files = found.document["connections"]
    assert hub["config"] == {"broker": "hub", "port": 1883}
    assert files["config"] == {"host": "f", "password": "a{{{{B}}{{ c }}"}
    assert found.document["settings"] == {
        "retention_days": "9",
        "ai_provider": "openai",
        "pipeline_schedule_etl": "{}",
    }
    assert found.document["templates"] == []
    assert [where for where, _ in found.notes] == [
        "variable B",
        "connection db",
        "connection f",
        "setting ai_api_key",
        "keys",
    ]
    assert "hidden" not in str(found.notes)


def test_templates_are_read_like_jobs() -> None:
    snapshot = {"schedule": {"type": "interval", "value": {"interval_secs": 60}}, "notifications": None}
    found = export(templates=[{"name": "mine", "created_by": "me", "snapshot": snapshot}])
    (template,) = found.document["templates"]
    assert template["snapshot"]["schedule"]["value"]["counted_from"] == "finish"
    assert "notifications" not in template["snapshot"]


def test_something_else_is_refused() -> None:
    with pytest.raises(CannotConvert, match="no export of Kronforce"):
        read_export([], "export.json")


def test_what_the_api_refuses_is_left_out_and_told() -> None:
    body: dict[str, Any] = {"jobs": [{"name": "a"}, {"name": "b"}], "settings": {"x": "1"}, "templates": []}
    told = leave_out(body, [("jobs.1.task.url", "must start with http://"), ("settings.x", "is no number")])
    assert body == {"jobs": [{"name": "a"}], "settings": {}, "templates": []}
    assert told == [
        ("b", "not imported: task.url: must start with http://"),
        ("setting x", "not imported: is no number"),
    ]
    assert leave_out(body, [("groups.0", "is no name")]) == []
