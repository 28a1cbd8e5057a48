"""What a running agent leaves for `tocsin-agent status`, and for its next process: rewritten in place."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin_agent.clock import Moment
from tocsin_agent.journal.framing import frame, read_one
from tocsin_shared.logs import log
from tocsin_shared.wire import dumps, loads

#: The file has this size from the start, so that a full disk does not keep it from being rewritten.
FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the agent stands with its controller and its disk."""

    #: When the newest acknowledged poll or heartbeat was sent.
    contact: Moment | None = None
    #: Whether the latest call was answered.
    is_in_contact: bool = False
    intake_stopped: str | None = None
    #: Why this agent has ended for good: `cloned` or `superseded`.
    fenced: str | None = None

    @classmethod
    def read(cls, path: Path) -> "Vitals | None":
        """What stands in the file; None when there is none or it can't be read."""
        try:
            record = read_one(path.read_bytes(), 0)
            said: dict[str, Any] = loads(record[0]) if record else {}
            return cls(
                contact=Moment.from_json(said["contact"]) if said["contact"] else None,
                is_in_contact=bool(said["is_in_contact"]),
                intake_stopped=said["intake_stopped"],
                fenced=said["fenced"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Put it in the file. A disk that refuses is nobody's concern here: what stands there only gets older."""
        record = frame(dumps(self)).ljust(FILE_BYTES, b"\0")
        try:
            fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(fd, record, 0)
            finally:
                os.close(fd)
        except OSError as error:
            log.debug("vitals_not_written", error=error.strerror)
