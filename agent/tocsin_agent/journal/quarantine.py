"""Where unreadable pieces of the journal go: kept for whoever wants to know, out of the agent's way."""

import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tocsin_agent.files import write_atomically
from tocsin_shared.logs import log

#: The newest pieces are kept, at most so many, and of each at most so many bytes.
MAX_PIECES = 50
MAX_PIECE_BYTES = 4 * 1024 * 1024


class Quarantine:
    """A directory. Nothing that goes wrong with it keeps the agent from working."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def count(self) -> int:
        """How many pieces lie there."""
        try:
            return sum(1 for _ in self._directory.iterdir())
        except OSError:
            return 0

    def keep_spans(self, path: Path, spans: Sequence[tuple[int, int]]) -> None:
        """Copy damaged (from, to) stretches of a file, as one piece."""
        pieces = bytearray()
        with suppress(OSError), path.open("rb") as file:
            for begin, end in spans:
                file.seek(begin)
                pieces += file.read(min(end - begin, MAX_PIECE_BYTES - len(pieces)))
        self.keep(path.name, bytes(pieces), what=f"damaged bytes at {_places(spans)}")

    def keep(self, name: str, content: bytes, *, what: str) -> None:
        """Store one piece; told once, however often the same piece is found."""
        copy = self._directory / f"{name}-{zlib.crc32(content):08x}"
        if copy.exists():
            return
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            write_atomically(copy, content[:MAX_PIECE_BYTES])
        except OSError as error:
            _tell(name, what, kept=f"nowhere: {error.strerror}")
            return
        _tell(name, what, kept=str(copy))
        self._thin_out()

    def move(self, path: Path, *, what: str) -> None:
        """Take a whole file out of the way."""
        copy = self._directory / f"{path.name}-{time.time_ns()}"
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            path.rename(copy)
        except OSError as error:
            _tell(path.name, what, kept=f"where it was: {error.strerror}")
            return
        _tell(path.name, what, kept=str(copy))
        self._thin_out()

    def _thin_out(self) -> None:
        with suppress(OSError):
            for old in sorted(self._directory.iterdir(), key=_age)[:-MAX_PIECES]:
                old.unlink()


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _tell(name: str, what: str, *, kept: str) -> None:
    log.error("journal_damaged", file=name, what=what, kept=kept)


def _places(spans: Sequence[tuple[int, int]]) -> str:
    shown = ", ".join(f"{begin}-{end}" for begin, end in spans[:5])
    return shown if len(spans) <= 5 else f"{shown} and {len(spans) - 5} more places"
