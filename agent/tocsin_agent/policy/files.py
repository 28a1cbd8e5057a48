"""The files and directories of this host that a task names, and whether the policy lets it. Blocks."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

from tocsin_agent.policy.decisions import Refused, refused
from tocsin_agent.policy.paths import Directories, Unclear, is_below, real_path
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import FilePushTask, FtpTask, S3Task, ShellTask, SqlTask, Task

_Allowed: TypeAlias = tuple[Path, ...] | None


def with_checked_paths(directories: Directories, assignment: Assignment) -> Task:
    """The task with its paths as they really are, so that no link decides later. Raises Refused."""
    task = assignment.task
    match task:
        case ShellTask(working_dir=str(path)) if directories.working is not None:
            return task.model_copy(
                update={"working_dir": _checked("directories.working", directories.working, path)}
            )
        case FilePushTask() if directories.write is not None:
            path = task.destination + (task.filename if task.destination.endswith("/") else "")
            return task.model_copy(
                update={"destination": _checked("directories.write", directories.write, path)}
            )
        case FtpTask() | S3Task():
            is_upload = task.direction == "upload"
            allowed = directories.read if is_upload else directories.write
            rule = "directories.read" if is_upload else "directories.write"
            path = _checked(rule, allowed, task.local_path)
            if task.local_path.endswith("/") and not path.endswith("/"):
                path += "/"  # the directory in which the file keeps its name
            return task.model_copy(update={"local_path": path})
        case SqlTask(driver="sqlite"):
            if assignment.connection is not None:
                check_connected_database(directories, assignment.connection)
            else:
                _check_database(directories, task.connection_string or "")
    return task


def check_connected_database(directories: Directories, given: GivenConnection) -> None:
    """The file that a connection to SQLite names, which is a secret. Raises Refused, without it."""
    try:
        _check_database(directories, str(given.config.get("connection_string") or ""))
    except Refused:
        rule = "directories.read or directories.write"
        raise refused(f"{rule} does not hold the connection's database") from None


def _check_database(directories: Directories, connection_string: str) -> None:
    """SQLite's file may be both read and written. Raises Refused."""
    path = connection_string
    if (scheme := re.match(r"(?:sqlite|file):", path, re.IGNORECASE)) is not None:
        path = unquote(path[scheme.end() :].partition("?")[0].removeprefix("//"))
    _checked("directories.read", directories.read, path)
    _checked("directories.write", directories.write, path)


def judge_reading(directories: Directories) -> Callable[[Path], None]:
    """What raises Refused for a path without links that may not be read, at the moment when it is opened."""
    return partial(_judge, "directories.read", directories.read)


def judge_writing(directories: Directories) -> Callable[[Path], None]:
    """The same for one that may not be written."""
    return partial(_judge, "directories.write", directories.write)


def _judge(rule: str, allowed: _Allowed, real: Path) -> None:
    if allowed is not None and not is_below(real, allowed):
        raise refused(f"{rule} does not hold '{str(real)[:200]}'")


def _checked(rule: str, allowed: _Allowed, path: str) -> str:
    if allowed is None:
        return path
    try:
        real = real_path(path)
    except Unclear as error:
        raise refused(f"{rule} is given, and {error}") from None
    if not is_below(real, allowed):
        leads = "" if str(real) == path else f", which is {real}"
        raise refused(f"{rule} does not hold '{path[:200]}'{leads}")
    return str(real)
