"""Small C libraries put under a program with LD_PRELOAD: a clock that can be moved, a disk that can lose power."""

import os
import struct
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).parent


def build(name: str, directory: Path) -> Path:
    """Compile `<name>.c`; the library's path."""
    library = directory / f"{name}.so"
    if not library.exists():
        source = _SOURCES / f"{name}.c"
        flags = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, "-o", library, source, "-ldl"], check=True)
        library.chmod(0o755)
    return library


class Clock:
    """The wall clock of the programs that run under it."""

    def __init__(self, directory: Path, name: str) -> None:
        self._file = directory / f"clock-{name}"
        self._library = build("clock", directory)
        self.set(0)
        self._file.chmod(0o644)

    @property
    def environment(self) -> dict[str, str]:
        """For the program's process."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)}

    def set(self, ahead_secs: float) -> None:
        """Let it show so much more than the real time, at once."""
        with self._file.open("r+b" if self._file.exists() else "w+b") as file:
            file.write(struct.pack("=q", round(ahead_secs * 1e9)))


class Disk:
    """A directory whose programs lose what they did not sync when the power goes."""

    def __init__(self, directory: Path, where: Path) -> None:
        self._log = directory / f"synced-{where.name}"
        self._log.touch(mode=0o666)
        self._library = build("power", directory)
        self._where = where

    @property
    def environment(self) -> dict[str, str]:
        """For the programs that write there."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_SYNCED": str(self._log)}

    def lose_power(self) -> list[str]:
        """Cut each file back to what was synced of it, and forget names whose directory was not synced since.

        Nothing may run there any more. Says what was lost.
        """
        sizes, names = self._synced()
        lost = []
        for folder, _, files in os.walk(self._where):
            known = names.get(Path(folder).stat().st_ino)
            for file in files:
                path = Path(folder) / file
                stat = path.stat()
                if known is not None and stat.st_ino not in known:
                    lost.append(f"{path.name}: gone")
                    path.unlink()
                elif sizes.get(stat.st_ino, 0) < stat.st_size:
                    lost.append(f"{path.name}: {stat.st_size} to {sizes.get(stat.st_ino, 0)} bytes")
                    os.truncate(path, sizes.get(stat.st_ino, 0))
        return lost

    def _synced(self) -> tuple[dict[int, int], dict[int, set[int]]]:
        """Bytes by file, and the files known by directory, all by inode."""
        sizes: dict[int, int] = {}
        names: dict[int, set[int]] = {}
        for line in self._log.read_text().splitlines():
            kind, inode, *rest = line.split()
            if kind == "file":
                sizes[int(inode)] = int(rest[0])
            else:
                names[int(inode)] = {int(entry) for entry in rest}
        return sizes, names
