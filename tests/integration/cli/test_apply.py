"""`tocsin apply`, `diff` and `export` against a real controller."""

from pathlib import Path

import pytest
from tests.integration.cli.conftest import Tocsin

pytestmark = pytest.mark.usefixtures("controller")

ONE = """
name: one
task: {type: shell, command: "echo 1"}
schedule: {type: cron, value: "0 8 * * 1-5"}
target: tag:web
---
name: two
task: {type: noop}
schedule: on_demand
"""
THREE = '{"name": "three", "task": {"type": "noop"}, "schedule": "on_demand"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three jobs in two files."""
    folder = tmp_path / "jobs"
    (folder / "more").mkdir(parents=True)
    (folder / "one.yaml").write_text(ONE)
    (folder / "more" / "three.json").write_text(THREE)
    (folder / ".hidden.yaml").write_text("no job at all")
    (folder / "README.md").write_text("no job either")
    return folder


async def test_a_folder_is_planned_applied_changed_and_pruned(tocsin: Tocsin, folder: Path) -> None:
    keep = "-f", str(folder), "--managed-by", "repo"
    plan = await tocsin("apply", *keep, "--plan")
    assert plan.exit_code == 2, plan.stderr
    assert plan.stdout == "+ three\n+ one\n+ two\n3 to create, 0 unchanged\n"
    refused = await tocsin("apply", *keep)
    assert (refused.exit_code, "say --yes" in refused.stderr) == (2, True)
    done = await tocsin("apply", *keep, "--yes")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "done: 3 created, 0 changed, 0 deleted")
    same = await tocsin("diff", *keep)
    assert (same.exit_code, same.stdout) == (0, "nothing to change, 3 as they should be\n")

    (folder / "one.yaml").write_text(ONE.replace("echo 1", "echo 2"))
    (folder / "more" / "three.json").unlink()
    (folder / "more").rmdir()
    drift = await tocsin("diff", *keep, "--prune")
    assert drift.exit_code == 2
    assert drift.stdout.splitlines() == [
        "~ one",
        '    task.command: "echo 1" -> "echo 2"',
        "- three",
        "1 to change, 1 to delete, 1 unchanged",
    ]
    done = await tocsin("apply", *keep, "--prune", "--yes", "-o", "json")
    assert (done.json["applied"], done.json["changed"], done.json["deleted"]) == (True, 1, 1)
    assert (await tocsin("jobs", "show", "three")).exit_code == 3


async def test_one_bad_file_changes_nothing_and_is_named(tocsin: Tocsin, folder: Path) -> None:
    bad = folder / "one.yaml"
    bad.write_text(ONE + "retrys: 1\n")
    (folder / "zzz.yaml").write_text("{name: three, task: {type: noop}, schedule: on_demand}")
    done = await tocsin("apply", "-f", str(folder), "--yes")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"Error: {bad} (document 2): two: retrys: is not a known field",
        f"{folder / 'zzz.yaml'}: three: name: is also the name of {folder / 'more' / 'three.json'}",
    ]
    assert (await tocsin("jobs", "ls")).stdout == ""
    bad.write_text("name: [")
    assert (await tocsin("apply", "-f", str(folder), "--yes")).stderr.startswith(f"Error: {bad}: line 1")


async def test_what_is_exported_applies_without_a_change(
    tocsin: Tocsin, folder: Path, tmp_path: Path
) -> None:
    await tocsin("apply", "-f", str(folder), "--yes")
    await tocsin(
        "jobs",
        "create",
        "ONE",
        "--command",
        "printf 'a\\nb: c\\n'",
        "--group",
        "Böse Gruppe",
    )
    await tocsin("jobs", "disable", "two")
    text = (await tocsin("export")).stdout
    applied = await tocsin("apply", "-f", "-", "--plan", stdin=text)
    assert (applied.exit_code, applied.stdout) == (0, "nothing to change, 4 as they should be\n")
    out = tmp_path / "out"
    wrote = await tocsin("export", "--dir", str(out))
    assert wrote.stderr == f"wrote 4 files to {out}\n"
    assert len({path.name.casefold() for path in out.iterdir()}) == 4
    assert "status: paused" in (out / "two.yaml").read_text()
    assert (await tocsin("diff", "-f", str(out))).exit_code == 0
    again = {path.name: path.read_bytes() for path in out.iterdir()}
    await tocsin("export", "--dir", str(out))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == again
    only = await tocsin("export", "one", "-o", "json")
    assert [one["name"] for one in only.json] == ["one"]
    assert (await tocsin("export", "nobody")).exit_code == 3


@pytest.mark.parametrize(
    "args",
    [
        ("--prune",),
        ("--prune", "--group", "G", "--managed-by", "m"),
        ("--group", "G"),
        ("-f", "/nonexistent"),
    ],
)
async def test_what_is_not_clear_is_wrong_usage(tocsin: Tocsin, args: tuple[str, ...]) -> None:
    done = await tocsin("apply", "-f", "-", *args, stdin=THREE)
    assert (done.exit_code, done.stderr.startswith("Usage:")) == (2, True)
