"""Talking to systemd: readiness, the watchdog, and what jobs must not inherit of it."""

import asyncio
import os
import socket


def notify(state: str) -> None:
    """Send one state, such as `READY=1`. Without systemd nothing happens."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(state.encode(), address)
    except OSError:
        return  # systemd is gone or does not listen: nothing to be done, nothing lost


def watchdog_secs() -> float | None:
    """How often systemd wants a sign of life; None when it wants none of this process."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1_000_000


async def feed_watchdog() -> None:
    """Say from the event loop that it still turns, at half the period, until cancelled."""
    period = watchdog_secs()
    if period is None:
        await asyncio.Event().wait()
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(period / 2)
