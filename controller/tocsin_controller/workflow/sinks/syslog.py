"""Each line of a result as a message to syslog: the socket of this host, or UDP."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from tocsin_controller.workflow.sinks.addresses import SyslogAddress
from tocsin_controller.workflow.sinks.printed import Printed
from tocsin_controller.workflow.sinks.threads import Threads

#: Facility `user`, severity `info`.
_PRIORITY: Final = 8 + 6
#: Of one line; receivers cut what is longer, or drop it.
_MOST_LINE_BYTES: Final = 1_500


async def send_syslog(
    threads: Threads, address: SyslogAddress, printed: Printed, *, longest_secs: float
) -> None:
    """Raises OSError. Nobody confirms what came by UDP."""
    await threads.run(_send, address, printed, time.monotonic() + longest_secs)


def _messages(address: SyslogAddress, printed: Printed) -> Iterator[bytes]:
    now, host = datetime.now(UTC), socket.gethostname()
    about = f"job={printed.job_name} execution={printed.execution_id} status={printed.status}"
    if address.path is not None:  # as the library of C writes to the socket of its host (RFC 3164)
        head = f"<{_PRIORITY}>{now.astimezone():%b %e %H:%M:%S} tocsin: {about} "
    else:
        head = f"<{_PRIORITY}>1 {now:%Y-%m-%dT%H:%M:%S.%fZ} {host} tocsin - - - {about} "
    for line in printed.output.splitlines() or [""]:
        yield head.encode() + line.encode()[:_MOST_LINE_BYTES].decode("utf-8", "ignore").encode()


def _send(address: SyslogAddress, printed: Printed, until: float) -> None:
    """Ends at that time of the monotonic clock: what is sent after everybody gave up would only come twice."""
    with _connected(address) as opened:
        for message in _messages(address, printed):
            if (secs_left := until - time.monotonic()) <= 0:
                raise TimeoutError
            opened.settimeout(secs_left)
            opened.send(message)


def _connected(address: SyslogAddress) -> socket.socket:
    where: Any = address.path
    family = socket.AF_UNIX
    if address.path is None:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
        family, where = found[0][0], found[0][4]
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.connect(where)
    except OSError:
        opened.close()
        raise
    return opened
