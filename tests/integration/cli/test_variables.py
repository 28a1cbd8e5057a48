"""`tocsin variables` and `tocsin-controller secrets` as people use them."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.integration.cli.conftest import Tocsin

from tocsin_controller.app import RunningController
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.security.sealing import new_key
from tocsin_controller.security.vault_keys import own_key_file
from tocsin_controller.services.variables import VariableService
from tocsin_controller.settings import ControllerSettings
from tocsin_shared.ids import new_id
from tocsin_shared.variables import VariableCreate

KEY = new_key()
MASK = "\u2022" * 8


@pytest.fixture
def settings(settings: ControllerSettings) -> ControllerSettings:
    return settings.model_copy(update={"encryption_key": SecretStr(KEY)})


async def secrets(settings: ControllerSettings, *words: str, key: str) -> tuple[int, str]:
    """`tocsin-controller secrets` with this key; exit code and everything it said."""
    environment = {
        "PATH": os.environ["PATH"],
        "TOCSIN_DATABASE_URL": settings.dsn,
        "TOCSIN_ENCRYPTION_KEY": key,
    }
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "tocsin-controller"), "secrets", *words,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode()


@pytest.mark.usefixtures("controller")
async def test_a_variable_lives_from_set_to_rm(tocsin: Tocsin, tmp_path: Path) -> None:
    assert (await tocsin("variables", "set", "HOST", stdin="https://b\n")).stdout == "created HOST\n"
    assert (await tocsin("variables", "get", "HOST")).stdout == "https://b\n"
    (tmp_path / "pw").write_text("s3cret\n")
    made = await tocsin("variables", "set", "PW", "--secret", "--from-file", str(tmp_path / "pw"))
    assert made.exit_code == 0, made.stderr
    listed = (await tocsin("variables", "ls")).stdout
    assert MASK in listed
    assert "s3cret" not in listed
    assert (await tocsin("variables", "rm", "HOST", "PW", "--yes")).exit_code == 0


async def test_keys_are_rotated_by_a_command(
    controller: RunningController, settings: ControllerSettings
) -> None:
    by = Principal(new_id(), "test", Role.ADMIN)
    service = VariableService(controller.db, controller.engine.hints, controller.engine.vault)
    await service.create(VariableCreate(name="PW", value="s3cret", secret=True), by)
    newer = new_key()
    code, said = await secrets(settings, "rotate", key=newer)
    assert (code, "was given" in said) == (78, True)
    code, said = await secrets(settings, "rotate", key=f"{newer},{KEY}")
    assert code == 0, said
    assert said.splitlines()[0] == "1 values were encrypted anew"
    assert "is no longer needed" in said


@pytest.mark.usefixtures("controller")
async def test_params_are_given_by_name(tocsin: Tocsin, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(
        "name: greet\n"
        "task: {type: shell, command: 'echo {{params.what}} {{params.whom}}'}\n"
        "schedule: {type: on_demand}\n"
        "parameters:\n"
        "  - {name: what, param_type: select, options: [hello, bye], default: hello}\n"
        "  - {name: whom, required: true}\n"
    )
    made = await tocsin("jobs", "create", "-f", str(tmp_path / "job.yaml"))
    assert made.exit_code == 0, made.stderr
    run = await tocsin("run", "greet", "-p", "whom=it's $(id)", "--follow")
    assert (run.exit_code, run.stdout.splitlines()[1:]) == (0, ["hello it's $(id)"])
    shown = (await tocsin("jobs", "show", "greet")).stdout
    assert "what: hello | bye, default hello" in shown
    assert "whom: text, required" in shown
    refused = await tocsin("run", "greet", "-p", "what=goodbye")
    assert refused.exit_code == 1
    assert "params.whom: is required" in refused.stderr


def test_a_controller_for_trying_out_makes_a_key_that_only_it_can_read(tmp_path: Path) -> None:
    path = own_key_file(tmp_path / "data")
    assert path.stat().st_mode & 0o777 == 0o600
    assert own_key_file(tmp_path / "data").read_text() == path.read_text()
