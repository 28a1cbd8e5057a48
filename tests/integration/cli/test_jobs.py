"""`tocsin jobs` against a real controller."""

import asyncio
import sys

import pytest
from tests.integration.cli.conftest import Tocsin

pytestmark = pytest.mark.usefixtures("controller")

TWO_JOBS = """
name: one
task: {type: shell, command: "true"}
schedule: {type: cron, value: "0 8 * * 1-5"}
timezone: Europe/Berlin
---
name: two
task: {type: noop}
schedule: {type: interval, value: {interval_secs: 3600}}
target: tag:web
"""


async def test_a_job_is_made_shown_paused_and_deleted(tocsin: Tocsin) -> None:
    made = await tocsin("jobs", "create", "hello", "--command", "echo hi", "--cron", "0 8 * * *")
    assert made.exit_code == 0, made.stderr
    assert "created hello" in made.stdout
    assert "next run" in made.stdout

    shown = await tocsin("jobs", "show", "hello")
    assert "echo hi" in shown.stdout
    assert "0 8 * * *" in shown.stdout
    assert (await tocsin("jobs", "disable", "hello")).stdout == "disabled hello\n"
    listed = (await tocsin("jobs", "ls", "--status", "paused")).stdout.splitlines()
    assert listed[0].split() == ["NAME", "GROUP", "STATUS", "SCHEDULE", "TASK", "NEXT", "LAST"]
    assert listed[1].startswith("hello  Default  paused")
    assert "next run" in (await tocsin("jobs", "enable", "hello")).stdout
    assert len((await tocsin("jobs", "versions", "hello", "-o", "json")).json) >= 1

    refused = await tocsin("jobs", "delete", "hello")
    assert (refused.exit_code, "say --yes" in refused.stderr) == (2, True)
    assert (await tocsin("jobs", "delete", "hello", "--yes")).stdout == "deleted hello\n"
    assert (await tocsin("jobs", "show", "hello")).exit_code == 3


async def test_jobs_are_found_by_name_id_and_prefix(tocsin: Tocsin) -> None:
    made = (await tocsin("jobs", "create", "a", "--command", "true", "-o", "json")).json
    for ref in ("a", made["id"], made["id"][:18]):
        assert (await tocsin("jobs", "show", ref, "-o", "json")).json["id"] == made["id"]
    assert (await tocsin("jobs", "show", "ffffffff")).exit_code == 3


async def test_several_documents_make_several_jobs(tocsin: Tocsin) -> None:
    made = await tocsin("jobs", "create", "-f", "-", stdin=TWO_JOBS)
    assert made.exit_code == 0, made.stderr
    assert len(made.stdout.splitlines()) == 2
    two = (await tocsin("jobs", "show", "two", "-o", "json")).json
    assert two["target"] == {"type": "tagged", "tag": "web"}


async def test_what_show_yaml_prints_makes_the_same_job_again(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "-f", "-", stdin=TWO_JOBS)
    text = (await tocsin("jobs", "show", "one", "--yaml")).stdout
    await tocsin("jobs", "delete", "one", "--yes")
    again = await tocsin("jobs", "create", "-f", "-", stdin=text)
    assert again.exit_code == 0, again.stderr
    assert (await tocsin("jobs", "show", "one", "--yaml")).stdout == text


async def test_a_taken_name_is_a_conflict(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "a", "--command", "true")
    assert (await tocsin("jobs", "create", "a", "--command", "true")).exit_code == 6


async def test_what_is_wrong_is_told_field_by_field(tocsin: Tocsin) -> None:
    wrong = await tocsin(
        "jobs", "create", "-f", "-", stdin="{name: a, task: {type: shell}, schedule: {type: cron}}"
    )
    assert wrong.exit_code == 1
    lines = wrong.stderr.splitlines()
    assert any("command" in line for line in lines)
    assert any("value" in line for line in lines)


async def test_coming_fires_explain_the_clock_change(tocsin: Tocsin) -> None:
    args = ("jobs", "next", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "-n", "2")
    shown = await tocsin(*args, "--after", "2026-03-28T12:00:00Z")
    assert shown.exit_code == 0, shown.stderr
    assert "2026-03-29 03:00:00" in shown.stdout
    assert "dst_gap" in shown.stdout
    assert "The clocks go forward from 02:00:00 to 03:00:00" in shown.stdout


async def test_coming_fires_of_a_job_are_those_it_will_have(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "a", "--command", "true", "--every", "1h")
    await asyncio.sleep(1)  # it is due at once, then an hour later
    fires = (await tocsin("jobs", "next", "a", "-n", "2", "-o", "json")).json["fires"]
    assert fires[0]["at"] == (await tocsin("jobs", "show", "a", "-o", "json")).json["next_fire_time"]
    await tocsin("jobs", "disable", "a")
    assert "is disabled" in (await tocsin("jobs", "next", "a")).stderr


async def test_an_edit_sends_the_change_and_a_second_one_is_no_conflict(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "a", "--command", "true", "--timeout", "60")
    edited = await tocsin("jobs", "edit", "a", EDITOR="sed -i 's/timeout_secs: 60/timeout_secs: 90/'")
    assert edited.exit_code == 0, edited.stderr
    edited = await tocsin("jobs", "edit", "a", EDITOR="sed -i '/timeout_secs/d'")
    assert edited.exit_code == 0, edited.stderr
    job = (await tocsin("jobs", "show", "a", "-o", "json")).json
    assert (job["timeout_secs"], job["version"]) == (None, 3)


async def test_an_edit_over_somebody_else_s_change_saves_nothing(
    tocsin: Tocsin, environment: dict[str, str]
) -> None:
    await tocsin("jobs", "create", "a", "--command", "true", "--timeout", "60")
    meanwhile = f"{sys.executable} -m tocsin_cli jobs disable a && sed -i 's/60/90/'"
    edited = await tocsin("jobs", "edit", "a", EDITOR=f"sh -c '{meanwhile.replace(chr(39), chr(34))} \"$0\"'")
    assert edited.exit_code == 6, edited.stderr
    assert "your text is kept in" in edited.stderr
    assert (await tocsin("jobs", "show", "a", "-o", "json")).json["timeout_secs"] == 60


async def test_a_job_starts_from_a_template(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "a", "--command", "echo hi", "--timeout", "60")
    assert (await tocsin("templates", "save", "t", "--from-job", "a")).stdout == "saved template t\n"
    assert "command: echo hi" in (await tocsin("templates", "show", "t")).stdout
    assert len((await tocsin("templates", "ls")).stdout.splitlines()) == 10
    made = await tocsin("jobs", "create", "b", "--template", "t", "--cron", "0 8 * * *", "-o", "json")
    assert made.exit_code == 0, made.stderr
    assert (made.json["task"]["command"], made.json["timeout_secs"]) == ("echo hi", 60)
    assert made.json["schedule"]["type"] == "cron"
    saved = await tocsin("templates", "save", "u", "-f", "-", stdin="{task: {type: noop}}")
    assert saved.exit_code == 0, saved.stderr
    assert (await tocsin("templates", "rm", "t", "u", "--yes")).exit_code == 0
    assert (await tocsin("jobs", "create", "c", "--template", "t")).stderr.startswith("Error: template:")
    assert (await tocsin("templates", "show", "t")).exit_code == 3


async def test_many_jobs_are_changed_at_once(tocsin: Tocsin) -> None:
    for name in ("a", "b"):
        await tocsin("jobs", "create", name, "--command", "true", "--group", "G")
    would = await tocsin("jobs", "bulk", "move", "--in-group", "G", "--to-group", "H", "--dry-run")
    assert would.stdout == "would have moved a\nwould have moved b\n"
    refused = await tocsin("jobs", "bulk", "pause", "--in-group", "G")
    assert (refused.exit_code, "pause a, b? There is nobody to ask" in refused.stderr) == (2, True)
    assert (await tocsin("jobs", "bulk", "pause", "a", "b", "--yes")).stdout == "paused a\npaused b\n"
    assert (await tocsin("jobs", "bulk", "set-priority", "a", "--yes")).exit_code == 2
    assert (await tocsin("jobs", "bulk", "delete", "--yes")).exit_code == 2
    assert (await tocsin("jobs", "bulk", "delete", "--status", "paused", "--yes")).exit_code == 0
    assert (await tocsin("jobs", "bulk", "delete", "--search", "x", "--yes")).stderr == "no job matches\n"
