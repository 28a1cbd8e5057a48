"""`tocsin jobs edit`, with sed and shell scripts as editors."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi, ok, refusal

JOB: dict[str, Any] = {
    "id": "j1",
    "name": "a",
    "status": "scheduled",
    "task": {"type": "shell", "command": "make\n"},
    "schedule": {"type": "on_demand"},
    "timeout_secs": 60,
    "priority": 5,
    "version": 3,
    "updated_at": "2026-01-01T00:00:00.123456Z",
    "next_fire_time": None,
    "deps_satisfied": True,
}


@pytest.fixture
def job(api: FakeApi) -> FakeApi:
    """A controller with JOB."""
    api.on("GET", "/api/jobs/a", ok(JOB))
    return api


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Sets the editor to a shell script, which gets the file as $1 and its own count of calls as $n."""

    def use(script: str) -> None:
        path = tmp_path / "editor"
        path.write_text(
            f"#!/bin/sh\nn=$(($(cat {tmp_path}/n 2>/dev/null || echo 0) + 1)); echo $n > {tmp_path}/n\n"
            f'cp "$1" {tmp_path}/seen-$n\n{script}\n'
        )
        path.chmod(0o755)
        monkeypatch.setenv("EDITOR", str(path))
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    return use


def put_bodies(api: FakeApi) -> list[Any]:
    """What was sent to change the job."""
    return [body for method, _, _, body in api.seen if method == "PUT"]


def kept_texts(tmp_path: Path) -> list[Path]:
    """Texts that were left for the person to find."""
    return list(tmp_path.glob("tocsin-job-*.yaml"))


def test_only_the_change_is_sent_with_the_time_it_was_read_at(
    tocsin: Run, job: FakeApi, editor: Any, tmp_path: Path
) -> None:
    job.on("PUT", "/api/jobs/j1", ok({**JOB, "version": 4}))
    editor("sed -i 's/priority: 5/priority: 7/; /timeout_secs/d' \"$1\"")
    result = tocsin("jobs", "edit", "a")
    assert (result.exit_code, result.stdout) == (0, "saved a as version 4\n")
    assert put_bodies(job) == [
        {"priority": 7, "timeout_secs": None, "if_unmodified_since": "2026-01-01T00:00:00.123456Z"}
    ]
    assert kept_texts(tmp_path) == []


def test_people_see_the_definition_and_nothing_else(
    tocsin: Run, job: FakeApi, editor: Any, tmp_path: Path
) -> None:
    editor("true")
    result = tocsin("jobs", "edit", "a")
    assert (result.exit_code, result.stderr) == (0, "nothing changed\n")
    assert (tmp_path / "seen-1").read_text() == (
        "# a, version 3. Save and close to apply; close without a change to leave it as it is.\n"
        "# A key that you remove goes back to its default.\n"
        "name: a\nstatus: scheduled\ntask:\n  type: shell\n  command: |\n    make\n"
        "schedule:\n  type: on_demand\ntimeout_secs: 60\npriority: 5\n"
    )
    assert put_bodies(job) == []
    assert kept_texts(tmp_path) == []


def test_a_conflict_saves_nothing_and_keeps_the_text(
    tocsin: Run, job: FakeApi, editor: Any, tmp_path: Path
) -> None:
    job.on("PUT", "/api/jobs/j1", refusal(409, "conflict", "The job was modified by another user"))
    editor("sed -i 's/priority: 5/priority: 7/' \"$1\"")
    result = tocsin("jobs", "edit", "a")
    assert result.exit_code == 6
    assert "somebody changed 'a' since you opened it, so nothing was saved" in result.stderr
    (kept,) = kept_texts(tmp_path)
    assert str(kept) in result.stderr
    assert "priority: 7" in kept.read_text()


def test_a_refused_text_is_opened_again_with_the_reasons(
    tocsin: Run, job: FakeApi, editor: Any, tmp_path: Path
) -> None:
    details = [{"field": "priority", "reason": "at most 1000"}]
    job.on(
        "PUT",
        "/api/jobs/j1",
        refusal(400, "invalid_input", "wrong", details=details),
        ok({**JOB, "version": 4}),
    )
    editor('[ $n = 1 ] && sed -i "s/priority: 5/priority: 7000/" "$1" || sed -i "s/7000/700/" "$1"')
    result = tocsin("jobs", "edit", "a")
    assert result.exit_code == 0
    assert "#! priority: at most 1000\n" in (tmp_path / "seen-2").read_text()
    assert [body["priority"] for body in put_bodies(job)] == [7000, 700]


def test_text_that_is_no_yaml_is_opened_again_too(
    tocsin: Run, job: FakeApi, editor: Any, tmp_path: Path
) -> None:
    job.on("PUT", "/api/jobs/j1", ok({**JOB, "version": 4}))
    editor('[ $n = 1 ] && echo "[" >> "$1" || sed -i "/^\\[/d; s/priority: 5/priority: 6/" "$1"')
    assert tocsin("jobs", "edit", "a").exit_code == 0
    assert "#! your text: line" in (tmp_path / "seen-2").read_text()


def test_giving_up_on_a_refused_text_ends_with_the_reasons(
    tocsin: Run, job: FakeApi, editor: Any, tmp_path: Path
) -> None:
    editor('[ $n = 1 ] && sed -i "/^name/d" "$1"; true')
    result = tocsin("jobs", "edit", "a")
    assert result.exit_code == 1
    assert "not saved: name: can be changed, but not removed" in result.stderr
    assert len(kept_texts(tmp_path)) == 1


def test_an_editor_that_fails_ends_the_command(tocsin: Run, job: FakeApi, editor: Any) -> None:
    editor("exit 3")
    assert tocsin("jobs", "edit", "a").exit_code == 1
    assert put_bodies(job) == []
