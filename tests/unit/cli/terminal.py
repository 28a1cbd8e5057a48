"""Runs the real `tocsin` on a pseudo-terminal, as a person would."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_TIMEOUT_SECS = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was on the screen, with every control sequence, and how it ended."""

    screen: str
    exit_code: int


def on_terminal(
    args: Sequence[str],
    env: Mapping[str, str],
    *,
    columns: int = 100,
    keys: Mapping[str, bytes] | None = None,
) -> Seen:
    """Run `tocsin` to its end. `keys` maps a text to what is typed once the text has appeared."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    # The CLI's own session, with this terminal as the controlling one, so that Ctrl-C arrives.
    process = subprocess.Popen(
        [sys.executable, "-c", _START, *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", **env},
        start_new_session=True,
    )
    os.close(theirs)
    waiting = dict(keys or {})
    screen = b""
    deadline = time.monotonic() + _TIMEOUT_SECS
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # the other end has been closed
                break
            if not piece:
                break
            screen += piece
            for text in [text for text in waiting if text.encode() in screen]:
                os.write(ours, waiting.pop(text))
        return Seen(screen.decode(errors="replace"), process.wait(5))
    finally:
        process.kill()
        process.wait()
        os.close(ours)


_START = (
    "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\nfrom tocsin_cli.main import main; main()"
)
