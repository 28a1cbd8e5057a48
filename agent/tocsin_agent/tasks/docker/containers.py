"""Running a container of an image to its end, and leaving nothing of it behind."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import aiodocker
import aiohttp

from tocsin_agent.runtime.outcome import OUT_OF_MEMORY, Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.logs import log
from tocsin_shared.protocol import Assignment

#: Each of creating, starting, and asking how it ended.
_ANSWER_SECS: Final = 60.0
#: Within what a stopped task may take (see `driving.drive`).
_REMOVE_SECS: Final = 4.0
#: How the engine numbers the streams.
_STREAMS: Final = {1: Stream.STDOUT, 2: Stream.STDERR}


async def run_container(
    engine: aiodocker.Docker, image: str, assignment: Assignment, context: TaskContext
) -> Outcome:
    """The container's exit code is the execution's. Raises what the driver raises."""
    async with asyncio.timeout(_ANSWER_SECS):
        container = await engine.containers.create(_config(image, assignment))
    try:
        # Attached before the start, so that nothing is missed.
        async with container.attach(stdout=True, stderr=True) as output:
            async with asyncio.timeout(_ANSWER_SECS):
                await container.start()
            while (message := await output.read_out()) is not None:
                context.emit(_STREAMS.get(message.stream, Stream.STDOUT), message.data)
        code = int((await container.wait())["StatusCode"])
        is_oom = code != 0 and await _took_too_much(container)
    finally:
        await _remove(container, assignment)
    if is_oom:
        return Outcome.failed(Reason.OOM, OUT_OF_MEMORY, exit_code=code)
    if code:
        why = f"The container ended with exit code {code}."
        return Outcome.failed(Reason.EXIT_CODE, why, exit_code=code)
    return Outcome.succeeded()


def _config(image: str, assignment: Assignment) -> dict[str, Any]:
    limits = assignment.limits
    host: dict[str, Any] = {}
    if limits is not None:
        host = {
            "Memory": limits.memory_max_bytes,
            # Memory and swap together: the limit is not stretched by swapping.
            "MemorySwap": limits.memory_max_bytes,
            "NanoCpus": None if limits.cpu_max is None else round(limits.cpu_max * 1e9),
            "PidsLimit": limits.pids_max,
        }
    return {
        "Image": image,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        # So that what an agent left behind that was killed can be found.
        "Labels": {"tocsin.execution": str(assignment.execution_id), "tocsin.job": assignment.job_name},
        "HostConfig": {key: value for key, value in host.items() if value is not None},
    }


async def _took_too_much(container: Any) -> bool:
    """Whether the kernel ended it for want of memory; no, if the engine does not say: how it ended is known anyway."""
    try:
        async with asyncio.timeout(_ANSWER_SECS):
            return bool((await container.show())["State"]["OOMKilled"])
    except (aiodocker.DockerError, aiohttp.ClientError, OSError, KeyError):
        return False


async def _remove(container: Any, assignment: Assignment) -> None:
    """Also when it still runs, and though the task is being stopped."""

    async def remove() -> None:
        async with asyncio.timeout(_REMOVE_SECS):
            await container.delete(force=True, v=True)

    removing = asyncio.create_task(remove())
    try:
        await asyncio.shield(removing)
    except (aiodocker.DockerError, aiohttp.ClientError, OSError) as error:
        log.warning(
            "container_left_behind",
            container=container.id,
            execution_id=str(assignment.execution_id),
            error=type(error).__name__,
        )
    except asyncio.CancelledError:
        with suppress(aiodocker.DockerError, aiohttp.ClientError, OSError):
            await removing
        raise
