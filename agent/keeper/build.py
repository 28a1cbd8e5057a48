"""Builds tocsin-keeper. Used by the package's build, and by tests after an edit.

python build.py DESTINATION
"""

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent
_FLAGS = ["-std=gnu11", "-O2", "-s", "-Wall", "-Wextra"]


def source_id() -> str:
    """Changes whenever a source does."""
    digest = hashlib.sha256()
    for path in sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build(destination: Path) -> None:
    """Compile it: static where the host has the libraries for that, so that it starts quicker."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    draft = destination.with_name(f".{destination.name}.{os.getpid()}")
    command = [
        *shlex.split(os.environ.get("CC", "cc")),
        *_FLAGS,
        *shlex.split(os.environ.get("CFLAGS", "")),
        f'-DSOURCE_ID="{source_id()}"',
        *map(str, sorted(SOURCES.glob("*.c"))),
        "-o",
        str(draft),
    ]
    try:
        for kind in (["-static"], []):
            try:
                done = subprocess.run(  # noqa: S603 - the compiler
                    [*command, *kind], capture_output=True, text=True, check=False
                )
            except FileNotFoundError:
                raise SystemExit(
                    f"tocsin-agent needs a C compiler to build its keeper, and there is no {command[0]!r}"
                ) from None
            if done.returncode == 0:
                draft.chmod(0o755)
                draft.rename(destination)
                return
        raise SystemExit(f"tocsin-keeper could not be built:\n{done.stderr}")
    finally:
        draft.unlink(missing_ok=True)


def build_if_stale(destination: Path) -> None:
    """Compile it unless it was made from these very sources."""
    try:
        said = subprocess.run(  # noqa: S603 - what this built
            [destination, "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        said = ""
    if said.split()[-1:] != [source_id()]:
        build(destination)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
