"""`tocsin connections` as people use it."""

import sqlite3
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.integration.cli.conftest import Tocsin

from tocsin_controller.security.sealing import new_key
from tocsin_controller.settings import ControllerSettings

MASK = "********"


@pytest.fixture
def settings(settings: ControllerSettings) -> ControllerSettings:
    return settings.model_copy(update={"encryption_key": SecretStr(new_key())})


@pytest.mark.usefixtures("controller")
async def test_a_connection_lives_from_create_to_rm(tocsin: Tocsin, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN s3cret\n-----END\n")
    (tmp_path / "more.yaml").write_text("host: from-file\nport: 2022\n")
    made = await tocsin(
        "connections", "create", "files", "sftp", "host=f.example.com", "username=app",
        "-f", str(tmp_path / "more.yaml"), "--secret", "password",
        "--secret-file", f"private_key={tmp_path / 'key'}", "--description", "the archive",
        stdin="s3cret-pw\n",
    )  # fmt: skip
    assert (made.exit_code, made.stdout) == (0, "created files\n"), made.stderr
    shown = await tocsin("connections", "get", "files")
    for line in ("host: f.example.com", "port: 2022", "description: the archive"):
        assert line in shown.stdout
    assert shown.stdout.count(MASK) == 2
    assert "s3cret" not in shown.stdout

    changed = await tocsin(
        "connections", "update", "files", "host=g.example.com", "--clear", "port", "--clear", "password"
    )
    assert (changed.exit_code, changed.stdout) == (0, "changed files\n"), changed.stderr
    shown = await tocsin("connections", "get", "files")
    assert "host: g.example.com" in shown.stdout
    assert "port:" not in shown.stdout
    assert shown.stdout.count(MASK) == 1
    listed = await tocsin("connections", "ls", "--search", "FILE")
    assert "sftp" in listed.stdout
    gone = await tocsin("connections", "rm", "files", "--yes")
    assert (gone.exit_code, gone.stdout) == (0, "deleted files\n"), gone.stderr
    assert (await tocsin("connections", "get", "files")).exit_code == 3


@pytest.mark.usefixtures("controller")
async def test_secrets_are_not_taken_from_the_command_line(tocsin: Tocsin) -> None:
    said = await tocsin("connections", "create", "a", "kafka", "broker=b", "password=s3cret")
    assert said.exit_code == 2
    assert "--secret password" in said.stderr
    assert "s3cret" not in said.stderr
    wrong = await tocsin("connections", "create", "a", "kafka", "broker=b", "prot=1")
    assert wrong.exit_code == 1
    assert "config.prot: is not a known field" in wrong.stderr


@pytest.mark.usefixtures("controller")
async def test_a_connection_in_use_is_tried_and_deleted_by_force_only(tocsin: Tocsin, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "a.db").execute("CREATE TABLE t (a)").connection.close()
    path = str(tmp_path / "a.db")
    await tocsin("connections", "create", "db", "sqlite", "--secret", "connection_string", stdin=path)
    tried = await tocsin("connections", "test", "db")
    assert (tried.exit_code, tried.stdout) == (0, "Opened the database (1 table).\n"), tried.stderr
    missing = await tocsin("connections", "test", "db", "--agent", "nobody")
    assert (missing.exit_code, "there is no agent 'nobody'" in missing.stderr) == (3, True)
    (tmp_path / "a.db").unlink()
    assert (await tocsin("connections", "test", "db")).exit_code == 1
    job = tmp_path / "job.yaml"
    job.write_text(
        "name: report\nschedule: {type: on_demand}\n"
        "task: {type: sql, driver: sqlite, query: SELECT 1, connection: db}\n"
    )
    assert (await tocsin("jobs", "create", "-f", str(job))).exit_code == 0
    kept = await tocsin("connections", "rm", "db", "--yes")
    assert kept.exit_code == 6
    assert "in use by job 'report'" in kept.stderr
    assert (await tocsin("connections", "rm", "db", "--yes", "--force")).exit_code == 0
