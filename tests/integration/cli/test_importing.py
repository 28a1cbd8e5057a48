"""`tocsin import` against a real controller."""

from pathlib import Path

import pytest
from tests.integration.cli.conftest import Tocsin

pytestmark = pytest.mark.usefixtures("controller")


async def test_a_crontab_is_planned_taken_over_and_taken_over_again(tocsin: Tocsin, tmp_path: Path) -> None:
    tab = tmp_path / "tab"
    tab.write_text("MAILTO=ops@example.org\n0 3 * * * backup --all\n@reboot warm-up\n")
    command = "import", "crontab", str(tab), "--target", "local", "--timezone", "Europe/Berlin"
    plan = await tocsin(*command, "--dry-run")
    assert plan.exit_code == 2, plan.stderr
    assert plan.stdout == "+ cron-backup-all\n+ cron-warm-up\n2 to create, 0 unchanged\n"
    assert "output was mailed to ops@example.org" in plan.stderr
    done = await tocsin(*command, "--yes")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "done: 2 created, 0 changed, 0 deleted")
    again = await tocsin(*command, "--yes")
    assert (again.exit_code, again.stdout) == (0, "nothing to change, 2 as they should be\n")
    tab.write_text("0 4 * * * backup --all\n")
    changed = await tocsin(*command, "--dry-run")
    assert changed.stdout.startswith("~ cron-backup-all\n")
    tab.write_text("0 4 * * backup\n")
    wrong = await tocsin(*command, "--dry-run")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr == f"Error: {tab}:1: no schedule and command: 0 4 * * backup\n"
