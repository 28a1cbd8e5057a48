"""Which sinks this controller's operator has opened, and handing a result to one of them."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tocsin_controller.workflow.couriers import NotSent
from tocsin_controller.workflow.sinks.addresses import FluentAddress, SyslogAddress
from tocsin_controller.workflow.sinks.files import write_file
from tocsin_controller.workflow.sinks.fluent import send_fluent
from tocsin_controller.workflow.sinks.printed import Printed
from tocsin_controller.workflow.sinks.syslog import send_syslog
from tocsin_controller.workflow.sinks.threads import Threads
from tocsin_shared.logs import MAX_VALUE_CHARS, log
from tocsin_shared.output_rules import Sink, SinkType

#: For handing one result to one sink.
LONGEST_SECS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Outlets:
    """What may be used; by default nothing: whoever writes a job does not decide what a controller's host takes in."""

    log: bool = False
    directories: tuple[Path, ...] = ()
    syslog: SyslogAddress | None = None
    fluent: FluentAddress | None = None
    disk_threads: Threads = field(default_factory=lambda: Threads("sink-files"), compare=False)
    syslog_threads: Threads = field(default_factory=lambda: Threads("sink-syslog"), compare=False)

    async def hand_over(self, sink: Sink, printed: Printed) -> str | None:
        """Where all of it is now; None where that can't be said, because it is cut or nobody confirms it.

        Raises NotSent.
        """
        try:
            async with asyncio.timeout(LONGEST_SECS):
                return await self._hand_over(sink, printed)
        except TimeoutError:
            raise NotSent(f"{sink.type}: it did not take it within {LONGEST_SECS:g} s") from None
        except OSError as error:
            raise NotSent(f"{sink.type}: {error.strerror or type(error).__name__}") from None
        except UnicodeError:
            raise NotSent(f"{sink.type}: its address is no host name") from None

    async def _hand_over(self, sink: Sink, printed: Printed) -> str | None:
        match sink.type:
            case SinkType.FILE:
                return await write_file(self.disk_threads, self.directories, sink.directory or "", printed)
            case SinkType.SYSLOG if self.syslog is not None:
                await send_syslog(self.syslog_threads, self.syslog, printed, longest_secs=LONGEST_SECS)
            case SinkType.FLUENT if self.fluent is not None:
                return await send_fluent(self.fluent, printed)
            case SinkType.LOG if self.log:
                _log(printed)
            case _:
                why = f"{sink.type}: this controller's operator has not opened it (output_{sink.type})"
                raise NotSent(why, is_final=True)
        return None


def _log(printed: Printed) -> None:
    """In pieces that no line cuts. Whether they were written, and for how long they stay, nobody knows."""
    if not log.is_enabled_for(logging.INFO):
        raise NotSent("log: this controller's log_level leaves it out", is_final=True)
    output = printed.output
    for start in range(0, max(len(output), 1), MAX_VALUE_CHARS):
        log.info(
            "job_output",
            job=printed.job_name,
            execution_id=printed.execution_id,
            agent=printed.agent_name,
            status=printed.status,
            output=output[start : start + MAX_VALUE_CHARS],
        )
