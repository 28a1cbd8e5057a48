"""A file for each result, on the disk of the controller that sends it."""

import asyncio
import os
import re
import socket
from pathlib import Path
from typing import Final

from tocsin_controller.workflow.couriers import NotSent
from tocsin_controller.workflow.sinks.printed import Printed

_MOST_NAME_CHARS: Final = 100
_MODE: Final = 0o640


async def write_file(allowed: tuple[Path, ...], directory: str, printed: Printed) -> str:
    """Write it whole or not at all; writing it again changes nothing. Raises NotSent, OSError."""
    safe_name = re.sub(r"[^A-Za-z0-9_.-]", "_", printed.job_name)[:_MOST_NAME_CHARS]
    name = f"{safe_name}_{printed.execution_id}.log"
    written = await asyncio.to_thread(_write, allowed, directory, name, printed.raw)
    return f"{socket.gethostname()}:{written}"


def _write(allowed: tuple[Path, ...], directory: str, name: str, content: bytes) -> Path:
    """Links are followed before the directory is judged; the file itself is new, so it can't be a link."""
    real = Path(os.path.realpath(directory))
    if not any(real.is_relative_to(os.path.realpath(one)) for one in allowed):
        raise NotSent(f"file: output_directories does not hold '{directory}'", is_final=True)
    parent = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    unfinished = f".{name}.part"
    try:
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _MODE, dir_fd=parent)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(unfinished, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        os.close(parent)
    return real / name
