"""Cronicle's exports as job documents."""

import json
import subprocess
from typing import Any
from uuid import UUID

import pytest

from tocsin_cli.importing.converted import CannotConvert, Converted
from tocsin_cli.importing.cronicle import CronicleOptions, read_events
from tocsin_cli.importing.cronicle_files import read_backup
from tocsin_controller.scheduling.cron_syntax import parse
from tocsin_shared.jobs import JobCreate
from tocsin_shared.manifest import Names, resolved

GROUPS = [
    {"id": "allgrp", "title": "All Servers", "regexp": ".+"},
    {"id": "g1", "title": "Web Servers", "regexp": "web"},
]

CATEGORIES = [
    {"id": "general", "title": "General", "enabled": 1},
    {"id": "old", "title": "Old", "enabled": 0},
]


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "title": f"Event {number}",
        "enabled": 1,
        "category": "general",
        "plugin": "shellplug",
        "params": {"script": "#!/bin/sh\necho hello\n"},
        "target": "allgrp",
        "timing": {"minutes": [0]},
        **changes,
    }


def export(*events: dict[str, Any]) -> str:
    lists = {
        "schedule": list(events),
        "server_groups": GROUPS,
        "categories": CATEGORIES,
    }
    lines = ["# Cronicle Data Export v1.0", 'users/admin - {"username":"admin"}']
    for name, items in lists.items():
        lines.append(f"global/{name} - " + json.dumps({"type": "list", "length": len(items)}))
        lines.append(f"global/{name}/0 - " + json.dumps({"type": "list_page", "items": items}))
    return "\n".join(lines) + "\n"


def read(*events: dict[str, Any], target: dict[str, Any] | None = None) -> Converted:
    """Each document is one that the API takes."""
    found = read_events(
        read_backup(export(*events), "backup"), "backup", CronicleOptions(target, "Europe/Berlin")
    )
    jobs = {one["name"]: UUID(int=number) for number, one in enumerate(found.documents)}
    for one in found.documents:
        body, wrong = resolved(one, Names(agents={"db-1": UUID(int=7)}, jobs=jobs))
        assert not wrong
        JobCreate.model_validate(body)
        if body["schedule"]["type"] == "cron":
            parse(body["schedule"]["value"])
    return found


def one(**changes: Any) -> tuple[dict[str, Any], list[str]]:
    found = read(event(**changes))
    (document,) = found.documents
    return document, [note for where, note in found.notes if where == document["name"]]


def test_an_event_with_a_script() -> None:
    document, notes = one(
        title="Backup (nightly)",
        notes="ask Ann",
        timeout=3600,
        retries=2,
        retry_delay=30,
        timezone="Asia/Tokyo",
    )
    assert (document["name"], document["group"], document["description"]) == (
        "Backup-nightly",
        "General",
        "ask Ann",
    )
    assert (document["timeout_secs"], document["retry_max"], document["retry_delay_secs"]) == (3600, 2, 30)
    assert (document["timezone"], document["target"], notes) == ("Asia/Tokyo", {"type": "any"}, [])
    task = document["task"]
    done = subprocess.run(["/bin/sh", "-c", task["command"]], env=task["env"], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("hello\n", 0)


@pytest.mark.parametrize(
    ("timing", "value"),
    [
        ({}, "0 * * * * *"),
        ({"minutes": [30], "hours": [16, 4]}, "0 30 4,16 * * *"),
        ({"minutes": [0], "hours": [1], "weekdays": [0, 6]}, "0 0 1 * * 0,6"),
        ({"minutes": [0], "hours": [1], "days": [1], "months": [3, 4]}, "0 0 1 1 3,4 *"),
        ({"minutes": list(range(60))}, "0 * * * * *"),
        ({"minutes": [0], "hours": [1], "days": [*range(1, 8)], "weekdays": [1]}, "0 0 1 * * 1#1"),
    ],
)
def test_timing_is_lists_of_values(timing: dict[str, Any], value: str) -> None:
    document, notes = one(timing=timing)
    assert (document["schedule"], notes) == ({"type": "cron", "value": value}, [])


def test_timing_that_cron_cannot_say_leaves_a_job_to_run_by_hand() -> None:
    for timing in ({"years": [2030], "minutes": [0]}, {"days": [1], "weekdays": [1]}):
        document, (note,) = one(timing=timing)
        assert document["schedule"] == {"type": "on_demand"}
        assert note.startswith("runs on demand only: ")
    assert one(timing=False)[0]["schedule"] == {"type": "on_demand"}


def test_targets() -> None:
    assert one(target="db-1")[0]["target"] == {"type": "agent", "agent": "db-1"}
    assert one(multiplex=1)[0]["target"] == {"type": "all"}
    document, (note,) = one(target="g1", multiplex=1, stagger=30)
    assert document["target"] == {"type": "tagged", "tag": "Web-Servers", "mode": "all"}
    assert "not 30 seconds apart" in note
    assert read(event(target="g1")).notes == [
        ("backup", "agents need the tags of the server groups that events ask for: Web-Servers")
    ]
    assert read(event(target="g1"), target={"type": "local"}).documents[0]["target"] == {"type": "local"}


def test_what_may_run_at_once_and_what_was_missed() -> None:
    document, _ = one(max_children=1, queue=1, queue_max=5, catch_up=1, enabled=0, memory_limit=2**30)
    assert (document["max_concurrent"], document["overlap"], document["max_queued"]) == (1, "queue", 5)
    assert (document["catchup"], document["status"]) == ("all", "paused")
    assert document["limits"] == {"memory_max_bytes": 2**30}
    assert "max_concurrent" not in one(max_children=0)[0]
    assert one(category="old")[0]["status"] == "paused"


def test_an_http_request() -> None:
    params = {
        "method": "POST",
        "url": "http://example.org/x",
        "headers": "User-Agent: Cronicle/1.0\r\nX-Empty:\r\nX-A: b",
        "data": "{}",
        "timeout": "30",
        "success_match": "ok",
        "error_match": "bad",
        "ssl_cert_bypass": 1,
        "follow": 1,
    }
    document, notes = one(plugin="urlplug", params=params, timeout=10)
    assert document["task"] == {
        "type": "http",
        "method": "post",
        "url": "http://example.org/x",
        "headers": {"User-Agent": "Cronicle/1.0", "X-A": "b"},
        "body": "{}",
    }
    assert document["timeout_secs"] == 10
    assert document["output_rules"] == {"assertions": [{"pattern": "ok"}]}
    assert [note.split(" because")[0].split(":")[0] for note in notes] == [
        "does not fail",
        "checks the server's certificate",
    ]


def test_redirects_that_were_not_followed_are_told() -> None:
    _, notes = one(plugin="urlplug", params={"url": "http://example.org"})
    assert notes == ["follows redirects; there a redirect was a success"]


def test_chains_are_dependencies_where_nothing_else_starts_the_job() -> None:
    found = read(event(1, chain="e2", chain_error="e3"), event(2, timing=False), event(3, timing=False))
    assert found.documents[1]["depends_on"] == [{"job": "Event 1", "condition": "success"}]
    assert found.documents[2]["depends_on"] == [{"job": "Event 1", "condition": "failure"}]
    assert found.notes == []
    found = read(event(1, chain="e2"), event(2))
    assert "depends_on" not in found.documents[1]
    assert "has a schedule of its own" in found.notes[0][1]
    found = read(event(1, chain="e3"), event(2, chain="e3"), event(3, timing=False))
    assert [where for where, note in found.notes if "more than one" in note] == ["Event 1", "Event 2"]
    assert "that one is not imported" in read(event(1, chain="gone")).notes[0][1]


def test_an_event_that_reads_what_nobody_sets_is_paused() -> None:
    document, notes = one(params={"script": "rm -rf /srv/$JOB_EVENT/*"})
    assert document["status"] == "paused"
    assert notes == ["is paused until somebody has looked at it: nobody sets $JOB_EVENT here"]


def test_what_a_category_says_and_how_a_host_was_chosen_is_told() -> None:
    text = export(event(algo="prefer_first")).replace(
        '"title": "General"', '"title": "General", "max_children": 2'
    )
    found = read_events(read_backup(text, "backup"), "backup", CronicleOptions(None, "UTC"))
    assert found.notes == [
        ("category General", "what it says for its events does not come along: max_children"),
        ("Event 1", "runs on any of its hosts that is free, not on the one that prefer_first chose"),
    ]


def test_what_has_no_counterpart_is_told() -> None:
    document, notes = one(
        notify_fail="ops@example.org",
        web_hook="http://hook",
        cpu_limit=100,
        log_max_size=1,
        params={"script": "{{A}}"},
    )
    for told in ("ops@example.org", "http://hook", "processor time", "limit of output"):
        assert any(told in note for note in notes), told
    assert document["task"]["env"] == {"SCRIPT": "{{{{A}}"}
    wrongs: list[dict[str, Any]] = [
        {"plugin": "p1"},
        {"params": {}},
        {"params": {"script": "x" * 200_000}},
        {"target": ""},
    ]
    for wrong in wrongs:
        found = read(event(**wrong))
        assert found.documents == []
        assert found.notes[0][1].startswith("not imported: ")


def test_lines_of_an_export_end_at_newlines_only() -> None:
    script = "#!/bin/sh\n# one\u2028two\x85three\u2029\n"
    text = export(event(params={"script": script})).replace("\\u2028", "\u2028")
    text = text.replace("\\u2029", "\u2029").replace("\\u0085", "\x85")
    assert read_backup(text, "backup").schedule[0]["params"]["script"] == script


def test_files_that_are_no_exports_are_refused() -> None:
    for text in ("text", 'users/admin - {"username":"admin"}', "global/schedule/0 - {broken}"):
        with pytest.raises(CannotConvert):
            read_backup(text, "backup")
