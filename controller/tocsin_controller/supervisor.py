"""Keeps the background services of a controller running."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from tocsin_shared.errors import Unavailable
from tocsin_shared.logs import log

FIRST_DELAY_SECS = 0.1
LONGEST_DELAY_SECS = 2.0
#: A service that ran this long starts again with the first delay.
HEALTHY_SECS = 10.0

Service = Callable[[], Awaitable[None]]


async def supervise(services: Mapping[str, Service]) -> None:
    """Run every service until cancelled; one that fails is started again, with backoff, for ever."""
    async with asyncio.TaskGroup() as group:
        for name, service in services.items():
            group.create_task(_keep_running(name, service), name=name)


async def _keep_running(name: str, service: Service) -> None:
    loop = asyncio.get_running_loop()
    delay = FIRST_DELAY_SECS
    while True:
        started_at = loop.time()
        try:
            await service()
            log.error("service_ended", service=name)
        except Unavailable as error:
            log.warning(
                "service_waits_for_database", service=name, error=_why(error), retry_secs=round(delay, 2)
            )
        except Exception:
            log.exception("service_failed", service=name, retry_secs=round(delay, 2))
        if loop.time() - started_at > HEALTHY_SECS:
            delay = FIRST_DELAY_SECS
        await asyncio.sleep(random.uniform(delay / 2, delay))  # noqa: S311  jitter is not a secret
        delay = min(delay * 2, LONGEST_DELAY_SECS)


def _why(error: Unavailable) -> str:
    """What the driver said, in one line: an outage and a full disk are mended by different people."""
    cause = error.__cause__
    return " ".join(f"{type(cause).__name__}: {cause}".split())[:500] if cause is not None else str(error)
