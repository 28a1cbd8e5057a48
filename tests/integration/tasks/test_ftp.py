"""Files brought to FTP and SFTP servers and from them: real servers, files large enough to be cut off in the middle."""

import asyncio
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.integration.tasks.running import PATIENCE_SECS, Ran, run_task, started_task
from tests.net import free_port
from tests.services.ftpd import PASSWORD, USER, FtpServer, ftp_server
from tests.services.sshd import SshServer, ssh_server
from tests.services.vsftpd import vsftpd_server

from tocsin_shared.connections.base import ConnectionConfig
from tocsin_shared.connections.configs import FtpConfig, SftpConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.ids import new_id
from tocsin_shared.tasks import FtpTask

SUCCEEDED, CANCELLED = ExecutionStatus.SUCCEEDED, ExecutionStatus.CANCELLED
#: Every byte there is, several times what is moved at once.
CONTENT = bytes(range(256)) * 16 * 1024
#: A quarter of a second's worth of the slow server, which then has several seconds to go.
SOME = 256 * 1024


class Place(NamedTuple):
    """A server, and a directory on it that its clients can write to."""

    protocol: str
    connection: ConnectionConfig
    #: As clients call it, and where it is.
    remote: str
    directory: Path


@pytest.fixture(scope="module")
def ftpd() -> Iterator[FtpServer]:
    with ftp_server() as server:
        yield server


@pytest.fixture(scope="module")
def slow() -> Iterator[FtpServer]:
    with ftp_server(slow=True) as server:
        yield server


@contextmanager
def place(kind: str, sshd: SshServer, tmp_path: Path) -> Iterator[Place]:
    match kind:
        case "ftp":
            with ftp_server() as ftp:
                yield Place("ftp", login(ftp), "", ftp.root)
        case "ftps":
            with ftp_server(tls=True) as ftp:
                yield Place("ftps", login(ftp, tls_ca=ftp.ca), "", ftp.root)
        case "vsftpd":
            with vsftpd_server() as ftp:
                config = FtpConfig(host="127.0.0.1", port=ftp.port, tls_ca=ftp.ca)
                yield Place("ftps", config, "files/", ftp.root / "files")
        case _:
            there = tmp_path / "there"
            there.mkdir()
            yield Place("sftp", ssh_login(sshd), f"{there}/", there)


def login(server: FtpServer, **more: Any) -> FtpConfig:
    return FtpConfig(
        **{"host": "127.0.0.1", "port": server.port, "username": USER, "password": PASSWORD} | more
    )


def ssh_login(server: SshServer, **more: Any) -> SftpConfig:
    known = {"private_key": server.private_key, "known_hosts": server.known_hosts}
    return SftpConfig(
        **{"host": "127.0.0.1", "port": server.port, "username": server.username} | known | more
    )


def moving(direction: str, here: Path, there: str, protocol: str = "ftp", *, resume: bool = False) -> FtpTask:
    return FtpTask.model_validate(
        {
            "type": "ftp",
            "protocol": protocol,
            "connection": "test",
            "direction": direction,
            "local_path": str(here),
            "remote_path": there,
            "resume": resume,
        }
    )


def result_of(ran: Ran) -> dict[str, Any]:
    assert ran.status is SUCCEEDED, ran.errors
    result: dict[str, Any] = json.loads(ran.text)
    return result


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECS):
        while not happened():
            await asyncio.sleep(0.02)


def parts_in(directory: Path) -> list[Path]:
    return [path for path in directory.iterdir() if ".part-" in path.name]


def has_part(directory: Path) -> bool:
    with suppress(FileNotFoundError):  # it may go while it is looked at
        return any(path.stat().st_size > SOME for path in parts_in(directory))
    return False


@pytest.mark.parametrize("kind", ["ftp", "ftps", "vsftpd", "sftp"])
async def test_a_file_goes_there_and_comes_back_as_it_was(kind: str, sshd: SshServer, tmp_path: Path) -> None:
    here, back = tmp_path / "report.bin", tmp_path / "back.bin"
    here.write_bytes(CONTENT)
    back.write_bytes(b"an older one")
    back.chmod(0o640)
    with place(kind, sshd, tmp_path) as server:
        (server.directory / "report.bin").write_bytes(b"an older one")
        (server.directory / "report.bin").chmod(0o666)
        # A directory stands for the file of the same name in it.
        up = await run_task(moving("upload", here, server.remote or "./", server.protocol), server.connection)
        sent = result_of(up)
        path = f"{server.remote or './'}report.bin"
        assert (sent["path"], sent["bytes"]) == (path, len(CONTENT))
        assert (server.directory / "report.bin").read_bytes() == CONTENT

        down = await run_task(moving("download", back, path, server.protocol), server.connection)
        assert result_of(down)["bytes"] == len(CONTENT)
        assert parts_in(server.directory) == []
    assert back.read_bytes() == CONTENT
    assert back.stat().st_mode & 0o777 == 0o640
    assert parts_in(tmp_path) == []


async def test_an_empty_file_is_a_file(ftpd: FtpServer, tmp_path: Path) -> None:
    here = tmp_path / "empty"
    here.touch()
    assert result_of(await run_task(moving("upload", here, "empty"), login(ftpd)))["bytes"] == 0
    assert (ftpd.root / "empty").stat().st_size == 0


async def test_a_wrong_password_is_a_refused_login(ftpd: FtpServer, sshd: SshServer, tmp_path: Path) -> None:
    here = tmp_path / "file"
    here.touch()
    by_ftp = await run_task(moving("upload", here, "x"), login(ftpd, password="wrong-password"), redact=[])
    wrong = ssh_login(sshd, private_key=None, password="wrong-password")
    by_sftp = await run_task(moving("upload", here, "x", "sftp"), wrong, redact=[])
    for ran in (by_ftp, by_sftp):
        assert ran.outcome.reason is Reason.LOGIN_FAILED
        assert "refused the login" in ran.errors
        assert "wrong-password" not in ran.errors


async def test_a_server_that_is_down_is_not_connected_to(tmp_path: Path) -> None:
    here = tmp_path / "file"
    here.touch()
    nobody = {"host": "127.0.0.1", "port": free_port(), "username": "me", "password": "secret-word"}
    by_ftp = await run_task(moving("upload", here, "x"), FtpConfig(**nobody))
    by_sftp = await run_task(moving("upload", here, "x", "sftp"), SftpConfig(**nobody, known_hosts=""))
    assert {by_ftp.outcome.reason, by_sftp.outcome.reason} == {Reason.CONNECT_FAILED}


async def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    here = tmp_path / "file"
    here.write_bytes(b"data")
    with ftp_server(tls=True, certified_for="files.example.com") as server:
        task = moving("upload", here, "x", "ftps")
        ran = await run_task(task, login(server, tls_ca=server.ca))
        assert ran.outcome.reason is Reason.CONNECT_FAILED
        assert "certificate" in ran.errors
        assert not (server.root / "x").exists()
        named = login(server, tls_ca=server.ca, tls_server_name="files.example.com")
        assert (await run_task(task, named)).status is SUCCEEDED


async def test_tls_is_not_given_up_for_a_server_without_it(ftpd: FtpServer, tmp_path: Path) -> None:
    here = tmp_path / "file"
    here.touch()
    before = len(ftpd.server.log)
    ran = await run_task(moving("upload", here, "x", "ftps"), login(ftpd))
    assert ran.outcome.reason is Reason.CONNECT_FAILED
    assert "logged in" not in ftpd.server.log[before:]


async def test_an_unknown_or_changed_host_key_is_refused_with_its_fingerprint(
    sshd: SshServer, tmp_path: Path
) -> None:
    here = tmp_path / "file"
    here.touch()
    task = moving("upload", here, str(tmp_path / "x"), "sftp")
    unknown = await run_task(task, ssh_login(sshd, known_hosts=""))
    with ssh_server() as other:
        kind, key = other.known_hosts.split()[1:]
    changed = await run_task(task, ssh_login(sshd, known_hosts=f"[127.0.0.1]:{sshd.port} {kind} {key}\n"))
    for ran, words in ((unknown, "is not known"), (changed, "somebody else may be answering")):
        assert ran.outcome.reason is Reason.CONNECT_FAILED
        assert "SHA256:" in ran.errors
        assert words in ran.errors


async def test_a_file_that_is_missing_there_or_here_is_said_to_be(
    ftpd: FtpServer, sshd: SshServer, tmp_path: Path
) -> None:
    there = await run_task(moving("download", tmp_path / "x", "nothing"), login(ftpd))
    by_sftp = await run_task(moving("download", tmp_path / "x", "/nothing", "sftp"), ssh_login(sshd))
    here = await run_task(moving("upload", tmp_path / "nothing", "x"), login(ftpd))
    assert (there.outcome.reason, by_sftp.outcome.reason) == (Reason.DRIVER_ERROR, Reason.DRIVER_ERROR)
    assert "550" in there.errors
    assert "no such file" in by_sftp.errors
    assert here.outcome.reason is Reason.FILE_ERROR
    assert f"There is no {tmp_path}/nothing on this host" in here.errors
    assert list(tmp_path.iterdir()) == []


async def test_what_could_not_be_written_whole_is_not_left(ftpd: FtpServer, tmp_path: Path) -> None:
    (ftpd.root / "large").write_bytes(CONTENT)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, before[1]))
    try:
        ran = await run_task(moving("download", tmp_path / "large", "large"), login(ftpd))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ran.outcome.reason is Reason.FILE_ERROR
    assert "would be larger than files may be" in ran.errors
    assert list(tmp_path.iterdir()) == []


async def test_a_server_that_has_no_room_says_so_itself(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(CONTENT)
    with ftp_server(has_no_room=True) as server:
        ran = await run_task(moving("upload", tmp_path / "large", "large"), login(server))
        assert ran.outcome.reason is Reason.DRIVER_ERROR
        assert "the server says: 426" in ran.errors
        assert list(server.root.iterdir()) == []


async def test_a_line_break_in_a_path_is_not_a_command(ftpd: FtpServer, tmp_path: Path) -> None:
    (ftpd.root / "kept").write_bytes(b"data")
    ran = await run_task(moving("download", tmp_path / "x", "kept\r\nDELE kept"), login(ftpd))
    assert ran.outcome.reason is Reason.DRIVER_ERROR
    assert (ftpd.root / "kept").exists()


@pytest.mark.parametrize("direction", ["upload", "download"])
async def test_a_server_that_dies_in_the_middle_leaves_nothing_here(direction: str, tmp_path: Path) -> None:
    with ftp_server(slow=True) as server:
        source = (tmp_path if direction == "upload" else server.root) / "large"
        source.write_bytes(CONTENT)
        growing = server.root if direction == "upload" else tmp_path
        async with started_task(moving(direction, tmp_path / "large", "large"), login(server)) as running:
            await until(lambda: has_part(growing))
            server.server.kill()
            ran = await running.ended()
    assert ran.outcome.reason is Reason.DRIVER_ERROR
    assert "connection was lost" in ran.errors or "ended after" in ran.errors
    assert parts_in(tmp_path) == []
    assert (tmp_path / "large").exists() is (direction == "upload")


@pytest.mark.parametrize("direction", ["upload", "download"])
async def test_a_cancelled_transfer_is_removed_but_with_resume_goes_on_from_there(
    direction: str, slow: FtpServer, tmp_path: Path
) -> None:
    name = f"{direction}.bin"
    (tmp_path if direction == "upload" else slow.root).joinpath(name).write_bytes(CONTENT)
    growing = slow.root if direction == "upload" else tmp_path

    async with started_task(moving(direction, tmp_path / name, name), login(slow)) as running:
        await until(lambda: has_part(growing))
        running.cancel()
        assert (await running.ended()).status is CANCELLED
    await until(lambda: not parts_in(growing))

    task, job_id = moving(direction, tmp_path / name, name, resume=True), new_id()
    async with started_task(task, login(slow), job_id=job_id) as running:
        await until(lambda: has_part(growing))
        running.cancel()
        assert (await running.ended()).status is CANCELLED
    assert not (growing / name).exists()
    result = result_of(await run_task(task, login(slow), job_id=job_id))
    assert result["resumed_at"] > SOME
    assert result["bytes"] == len(CONTENT)
    assert (growing / name).read_bytes() == CONTENT
    assert parts_in(growing) == []


async def test_sftp_resumes_too(sshd: SshServer, tmp_path: Path) -> None:
    here, there, job_id = tmp_path / "file", tmp_path / "there", new_id()
    here.write_bytes(CONTENT)
    task = moving("upload", here, str(there), "sftp", resume=True)
    # A directory that has the name: the file arrives, and can't get it.
    there.mkdir()
    (there / "x").touch()
    assert (await run_task(task, ssh_login(sshd), job_id=job_id)).outcome.reason is Reason.DRIVER_ERROR
    (there / "x").unlink()
    there.rmdir()
    result = result_of(await run_task(task, ssh_login(sshd), job_id=job_id))
    assert 0 < result["resumed_at"] < len(CONTENT)
    assert there.read_bytes() == CONTENT


async def test_a_partial_of_an_older_version_is_not_continued(ftpd: FtpServer, tmp_path: Path) -> None:
    here, job_id = tmp_path / "file", new_id()
    here.write_bytes(CONTENT)
    (ftpd.root / "busy").mkdir()
    task = moving("upload", here, "busy", resume=True)
    assert (await run_task(task, login(ftpd), job_id=job_id)).outcome.reason is Reason.DRIVER_ERROR
    assert len(parts_in(ftpd.root)) == 1
    here.write_bytes(CONTENT[::-1])
    (ftpd.root / "busy").rmdir()
    assert "resumed_at" not in result_of(await run_task(task, login(ftpd), job_id=job_id))
    assert (ftpd.root / "busy").read_bytes() == CONTENT[::-1]
    for left in parts_in(ftpd.root):
        left.unlink()


async def test_a_server_that_cannot_resume_gets_all_of_it_again(tmp_path: Path) -> None:
    here, job_id = tmp_path / "file", new_id()
    here.write_bytes(CONTENT)
    with ftp_server(cannot_resume=True) as server:
        (server.root / "busy").mkdir()
        task = moving("upload", here, "busy", resume=True)
        assert (await run_task(task, login(server), job_id=job_id)).outcome.reason is Reason.DRIVER_ERROR
        (server.root / "busy").rmdir()
        ran = await run_task(task, login(server), job_id=job_id)
        assert "resumed_at" not in result_of(ran)
        assert "can't resume" in ran.errors
        assert (server.root / "busy").read_bytes() == CONTENT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
async def test_files_here_are_handled_as_the_account_of_the_job(ftpd: FtpServer) -> None:
    (ftpd.root / "public").write_bytes(b"data")
    own, closed = ftpd.root.parent / "own", ftpd.root.parent / "closed"
    own.mkdir()
    own.chmod(0o777)
    closed.mkdir(mode=0o755)
    fine = await run_task(moving("download", own / "x", "public"), login(ftpd), run_as="nobody")
    assert fine.status is SUCCEEDED, fine.errors
    assert (own / "x").owner() == "nobody"
    not_there = await run_task(moving("download", closed / "x", "public"), login(ftpd), run_as="nobody")
    assert not_there.outcome.reason is Reason.FILE_ERROR
    assert "may not write" in not_there.errors
    unknown = await run_task(moving("download", own / "y", "public"), login(ftpd), run_as="no-such-account")
    assert unknown.outcome.reason is Reason.SPAWN_FAILED
    # The agent itself is still who it was.
    assert os.geteuid() == 0
    (closed / "by-root").touch()
