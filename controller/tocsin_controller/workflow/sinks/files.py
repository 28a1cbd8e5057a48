"""A file for each result, on the disk of the controller that sends it."""

import errno
import os
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from tocsin_controller.workflow.couriers import NotSent
from tocsin_controller.workflow.sinks.printed import Printed
from tocsin_controller.workflow.sinks.threads import Threads

_MOST_NAME_CHARS: Final = 100
_MODE: Final = 0o640
#: Of one result; more are never made.
_MOST_TRIES: Final = 8


async def write_file(threads: Threads, allowed: tuple[Path, ...], directory: str, printed: Printed) -> str:
    """Write it whole or not at all; writing it again changes nothing. Raises NotSent, OSError."""
    safe_name = re.sub(r"[^A-Za-z0-9_.-]", "_", printed.job_name)[:_MOST_NAME_CHARS]
    name = f"{safe_name}_{printed.execution_id}.log"
    written = await threads.run(_write, allowed, directory, name, printed.raw)
    return f"{socket.gethostname()}:{written}"


def _write(allowed: tuple[Path, ...], directory: str, name: str, content: bytes) -> Path:
    """Links are followed before the directory is judged; the file itself is new, so it can't be a link."""
    real = Path(os.path.realpath(directory))
    if not any(real.is_relative_to(os.path.realpath(one)) for one in allowed):
        raise NotSent(f"file: output_directories does not hold '{directory}'", is_final=True)
    parent = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        unfinished, fd = _begin(parent, name)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.rename(unfinished, name, src_dir_fd=parent, dst_dir_fd=parent)
            _sync(parent)
        except BaseException:
            _remove(parent, unfinished)
            raise
        for number in range(_MOST_TRIES):  # whatever tries left whose controller died meanwhile
            _remove(parent, _unfinished(name, number))
    finally:
        os.close(parent)
    return real / name


def _begin(parent: int, name: str) -> tuple[str, int]:
    """A file of its own for each try: the one before may still be writing."""
    for number in range(_MOST_TRIES):
        unfinished = _unfinished(name, number)
        with suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            return unfinished, os.open(unfinished, flags, _MODE, dir_fd=parent)
    raise NotSent(f"file: {_MOST_TRIES} unfinished files of this result are there already")


def _unfinished(name: str, number: int) -> str:
    return f".{name}.{number}.part"


def _remove(parent: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=parent)


def _sync(directory: int) -> None:
    """What is kept may be deleted now: after a loss of power the name is to be there too."""
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems can't
            raise
