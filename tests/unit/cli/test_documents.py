"""Documents from files and folders, and back into files."""

from pathlib import Path

import click
import pytest

from tocsin_cli.documents import read_all, write_all
from tocsin_cli.failures import Failure

JOB = "name: {name}\ntask: {{type: noop}}\nschedule: on_demand\n"


def test_files_of_a_folder_are_read_in_order_hidden_ones_excepted(tmp_path: Path) -> None:
    for path in ("b.yaml", "a/x.yml", "a/y.json", ".git/z.yaml", "a/.hidden.yaml", "notes.txt"):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(JOB.format(name=file.stem))
    assert [body["name"] for body in read_all([str(tmp_path)]).bodies] == ["x", "y", "b"]


def test_findings_are_told_by_file_and_document(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(JOB.format(name="a"))
    two.write_text(JOB.format(name="b") + "---\n" + JOB.format(name="a"))
    documents = read_all([str(one), str(two)])
    details = [
        ("documents.1.task.command", "is required"),
        ("documents.2.name", "is also the name of document 0"),
        ("documents.2", "no"),
        ("documents.9.name", "there is no such document"),
        ("prune", "no"),
    ]
    assert documents.located(details).splitlines() == [
        f"{two} (document 1): b: task.command: is required",
        f"{two} (document 2): a: name: is also the name of {one}",
        f"{two} (document 2): a: no",
        "documents.9.name: there is no such document",
        "prune: no",
    ]


def test_targets_may_be_written_as_on_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(JOB.format(name="a") + "target: agent:db-1\n")
    assert read_all([str(file)]).bodies[0]["target"] == {"type": "agent", "agent": "db-1"}
    file.write_text(JOB.format(name="a") + "target: nowhere\n")
    with pytest.raises(Failure, match=r"a\.yaml: target: 'nowhere' is no target"):
        read_all([str(file)])


def test_a_folder_without_jobs_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="there is no"):
        read_all([str(tmp_path)])


@pytest.mark.parametrize(
    ("names", "beginnings"),
    [
        (["a", "b c"], ["a.yaml", "b-c.yaml"]),
        (["..", "Über"], ["job.yaml", "Über.yaml"]),
        (["a b", "a-b"], ["a-b-", "a-b-"]),
        (["a", "A"], ["a-", "A-"]),
        (["x" * 255], ["x" * 100 + ".yaml"]),
    ],
)
def test_each_job_has_a_file_of_its_own_wherever_it_is_checked_out(
    tmp_path: Path, names: list[str], beginnings: list[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    written = write_all([(name, {"name": name}) for name in names], folder)
    assert all(path.name.startswith(beginning) for path, beginning in zip(written, beginnings, strict=True))
    assert len({path.name.casefold() for path in written}) == len(names)
    assert [body["name"] for body in read_all([str(path) for path in written]).bodies] == names
