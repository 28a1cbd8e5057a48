"""File systems of a few megabytes, for agents whose disk is to become full or read-only."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(mount_point: Path, size_kb: int) -> Iterator["SmallDisk"]:
    """A disk in memory, mounted for as long as the block lasts. Needs root."""
    mount_point.mkdir()
    options = f"size={size_kb}k,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mount_point], check=True)
    try:
        yield SmallDisk(mount_point)
    finally:
        subprocess.run(["umount", "--lazy", mount_point], check=True)


class SmallDisk:
    """One that is mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def _ballast(self) -> Path:
        return self.path / "somebody-elses-file"

    def fill(self) -> None:
        """Somebody else takes what room there is, to the last block."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (65_536, 4_096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def make_room(self) -> None:
        """Somebody else gives it back."""
        self._ballast.unlink()

    def set_read_only(self, *, on: bool) -> None:
        """Nothing can be written any more; for a disk on which no file is open for writing."""
        mode = "ro" if on else "rw"
        subprocess.run(["mount", "-o", f"remount,{mode}", self.path], check=True)
