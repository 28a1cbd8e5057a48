"""Files that come with their job, written on the agent's host."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tasks.running import Ran, run_task
from tests.services.processes import directory_for

from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import FilePushTask

CONTENT = bytes(range(256)) * 2_500


def push(destination: Path | str, content: bytes = CONTENT, **more: Any) -> FilePushTask:
    fields = {"filename": "app.conf", "content_base64": base64.b64encode(content).decode()} | more
    return FilePushTask.model_validate({"type": "file_push", "destination": str(destination)} | fields)


def result_of(ran: Ran) -> dict[str, Any]:
    assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors
    result: dict[str, Any] = json.loads(ran.text)
    return result


async def test_a_file_is_written_with_its_directories_and_permissions(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "app.conf"
    result = result_of(await run_task(push(path, permissions="0640")))
    assert (result["path"], result["bytes"]) == (str(path), len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o7777 == 0o640
    assert list(path.parent.iterdir()) == [path]


async def test_a_directory_as_destination_gets_the_file_under_its_name(tmp_path: Path) -> None:
    result = result_of(await run_task(push(f"{tmp_path}/conf/")))
    assert result["path"] == f"{tmp_path}/conf/app.conf"
    assert (tmp_path / "conf" / "app.conf").read_bytes() == CONTENT


async def test_what_exists_is_replaced_only_when_asked_for_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "app.conf"
    path.write_bytes(b"old")
    path.chmod(0o604)
    refused = await run_task(push(path))
    assert refused.outcome.reason is Reason.FILE_ERROR
    assert f"{path} exists already" in refused.errors
    assert path.read_bytes() == b"old"
    result_of(await run_task(push(path, overwrite=True)))
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o604
    assert list(tmp_path.iterdir()) == [path]


async def test_a_link_is_replaced_and_what_it_points_to_is_not_touched(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"other")
    link.symlink_to(target)
    assert (await run_task(push(link))).outcome.reason is Reason.FILE_ERROR
    result_of(await run_task(push(link, overwrite=True)))
    assert target.read_bytes() == b"other"
    assert not link.is_symlink()
    assert link.read_bytes() == CONTENT


async def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    for destination, words in (
        (tmp_path / "file" / "app.conf", "is no directory"),
        (tmp_path / "directory", "is a directory"),
        ("relative/app.conf", "must be an absolute path"),
    ):
        ran = await run_task(push(destination, overwrite=True))
        assert ran.outcome.reason is Reason.FILE_ERROR
        assert words in ran.errors
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["directory", "file"]


async def test_content_that_a_variable_spoiled_is_not_written(tmp_path: Path) -> None:
    spoiled = push(tmp_path / "x").model_copy(update={"content_base64": "no base64!"})
    ran = await run_task(spoiled)
    assert ran.outcome.reason is Reason.FILE_ERROR
    assert "content_base64 is not base64" in ran.errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
async def test_the_file_belongs_to_the_account_of_the_job_which_must_be_allowed_to_write_it() -> None:
    with directory_for("push") as directory:
        fine, closed = directory / "fine", directory / "closed"
        fine.mkdir()
        fine.chmod(0o777)
        closed.mkdir()
        result_of(await run_task(push(fine / "deep" / "x"), run_as="nobody"))
        assert (fine / "deep").owner() == (fine / "deep" / "x").owner() == "nobody"
        ran = await run_task(push(closed / "x"), run_as="nobody")
        assert ran.outcome.reason is Reason.FILE_ERROR
        assert "may not write" in ran.errors
        assert list(closed.iterdir()) == []
