"""A file for each result, on the disk of the controller that sends it."""

import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from tocsin_controller.workflow.couriers import NotSent
from tocsin_controller.workflow.sinks.printed import Printed
from tocsin_controller.workflow.sinks.threads import Threads

_MOST_NAME_CHARS: Final = 100
_MODE: Final = 0o640


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
    # Of its own for each try: the one before may still be writing.
    unfinished = f".{name}.{secrets.token_hex(4)}.part"
    try:
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE, dir_fd=parent)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(unfinished, name, src_dir_fd=parent, dst_dir_fd=parent)
        # What is kept may be deleted now: after a loss of power the name is to be there too. Some file systems can't.
        with suppress(OSError):
            os.fsync(parent)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=parent)
        raise
    finally:
        os.close(parent)
    return real / name
