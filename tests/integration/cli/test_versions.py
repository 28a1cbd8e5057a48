"""`tocsin jobs versions`, `diff` and `rollback` against a real controller."""

import pytest
from tests.integration.cli.conftest import Tocsin

pytestmark = pytest.mark.usefixtures("controller")

JOB = "{name: a, task: {type: shell, command: %s}, schedule: on_demand}"


async def test_a_job_goes_back_to_an_old_version(tocsin: Tocsin) -> None:
    await tocsin("jobs", "create", "-f", "-", stdin=JOB % '"echo one"')
    edited = await tocsin("jobs", "edit", "a", EDITOR="sed -i s/one/two/")
    assert edited.exit_code == 0, edited.stderr
    assert (await tocsin("jobs", "diff", "a")).stdout == 'task.command: "echo one" -> "echo two"\n'
    assert (await tocsin("jobs", "diff", "a", "2", "1")).stdout == 'task.command: "echo two" -> "echo one"\n'
    refused = await tocsin("jobs", "rollback", "a", "1")
    assert (refused.exit_code, "say --yes" in refused.stderr) == (2, True)
    back = await tocsin("jobs", "rollback", "a", "1", "--yes")
    assert back.stdout == "a is as in version 1; saved as version 3\n"
    assert (await tocsin("jobs", "diff", "a", "1", "3")).stderr == "versions 1 and 3 are the same\n"
    assert (await tocsin("jobs", "rollback", "a", "1", "--yes")).stderr.startswith("nothing to change")
    assert (await tocsin("jobs", "rollback", "a", "9", "--yes")).exit_code == 3
    listed = (await tocsin("jobs", "versions", "a")).stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == ["3", "2", "1"]
