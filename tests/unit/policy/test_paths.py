"""Paths that a policy lets a task name: judged by where they lead."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.test_servers import assignment

from tocsin_agent.policy import Refused
from tocsin_agent.policy.files import with_checked_paths
from tocsin_agent.policy.paths import Directories
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.tasks import FilePushTask, FtpTask, ShellTask

FTP = {"type": "ftp", "protocol": "ftp", "host": "f", "remote_path": "/r"}


@pytest.fixture
def srv(tmp_path: Path) -> Path:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("k")
    directory = tmp_path / "srv"
    (directory / "in").mkdir(parents=True)
    (directory / "out").symlink_to(tmp_path / "secret")
    (directory / "key").symlink_to(tmp_path / "secret" / "key")
    (directory / "dangling").symlink_to(tmp_path / "secret" / "new")
    return directory


def checked(srv: Path, task: dict[str, Any]) -> Any:
    limited = Directories(working=(srv,), read=(srv,), write=(srv,))
    return with_checked_paths(limited, assignment(task))


def push(destination: str, filename: str = "x") -> dict[str, Any]:
    return {"type": "file_push", "filename": filename, "destination": destination, "content_base64": ""}


def test_what_is_below_an_allowed_directory_is_allowed_and_named_as_it_really_is(srv: Path) -> None:
    (srv / "link").symlink_to(srv / "in")
    task = checked(srv, push(f"{srv}/link/new/deep/file"))
    assert isinstance(task, FilePushTask)
    assert task.destination == f"{srv}/in/new/deep/file"
    into = checked(srv, push(f"{srv}/link/", "name"))
    assert into.destination == f"{srv}/in/name"
    download = checked(srv, FTP | {"direction": "download", "local_path": f"{srv}/in/./x"})
    assert isinstance(download, FtpTask)
    assert download.local_path == f"{srv}/in/x"
    work = checked(srv, {"type": "shell", "command": "true", "working_dir": str(srv)})
    assert isinstance(work, ShellTask)
    assert work.working_dir == str(srv)


@pytest.mark.parametrize(
    "path",
    [
        "{srv}/../secret/key",
        "{srv}/out/key",
        "{srv}/out/new",
        "{srv}/key",
        "{srv}/dangling",
        "{srv}/missing/../../secret/key",
        "{srv}x/file",
        "/etc/passwd",
        "relative",
        "{srv}/in/../../secret/../secret/key",
        "/proc/self/root/etc/passwd",
        "/dev/fd/0",
    ],
)
@pytest.mark.parametrize("how", ["push", "download", "upload", "work", "sqlite"])
def test_what_leads_elsewhere_is_refused_however_it_is_written(srv: Path, path: str, how: str) -> None:
    real = path.format(srv=srv)
    task: dict[str, Any]
    match how:
        case "push":
            task = push(real)
        case "work":
            task = {"type": "shell", "command": "true", "working_dir": real}
        case "sqlite":
            task = {"type": "sql", "driver": "sqlite", "connection_string": real, "query": "select 1"}
        case _:
            task = FTP | {"direction": how, "local_path": real}
    with pytest.raises(Refused, match=r"directories\.(write|read|working)"):
        checked(srv, task)


def test_a_name_with_slashes_does_not_climb_out(srv: Path) -> None:
    with pytest.raises(Refused, match=r"directories\.write"):
        checked(srv, push(f"{srv}/in/", "../../secret/key"))


@pytest.mark.parametrize("url", ["sqlite://{p}", "sqlite:{p}", "SQLite:{p}", "file:{p}?mode=rw"])
def test_a_database_in_a_file_is_found_in_its_url(srv: Path, url: str) -> None:
    task = {"type": "sql", "driver": "sqlite", "query": "select 1"}
    checked(srv, task | {"connection_string": url.format(p=srv / "in" / "a.db")})
    with pytest.raises(Refused):
        checked(srv, task | {"connection_string": url.format(p=srv / "out" / "a.db")})


def test_a_refusal_does_not_show_the_file_of_a_connection(srv: Path) -> None:
    task = {"type": "sql", "driver": "sqlite", "query": "select 1", "connection": "it"}
    config = {"connection_string": f"sqlite://{srv}/key"}
    given = GivenConnection(name="it", conn_type="sqlite", config=config)
    asked = assignment(task).model_copy(update={"connection": given})
    with pytest.raises(Refused, match=r"directories\.read") as caught:
        with_checked_paths(Directories(read=(srv,)), asked)
    assert "key" not in str(caught.value)


def test_what_is_no_url_is_a_path_as_it_is(srv: Path) -> None:
    odd = srv / "in" / "a?b"
    odd.mkdir()
    path = f"{odd}/../../../secret/key"
    task = {"type": "sql", "driver": "sqlite", "query": "select 1", "connection_string": path}
    with pytest.raises(Refused, match=r"directories\.read"):
        checked(srv, task)


def test_a_loop_of_links_leads_nowhere(srv: Path) -> None:
    (srv / "a").symlink_to(srv / "b")
    (srv / "b").symlink_to(srv / "a")
    with pytest.raises(Refused, match="can't be looked at"):
        checked(srv, push(f"{srv}/a"))


def test_without_a_rule_paths_are_left_as_they_are() -> None:
    task = push("relative/../x")
    assert (
        with_checked_paths(Directories(), assignment(task)).model_dump() == assignment(task).task.model_dump()
    )
