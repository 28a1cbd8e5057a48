"""Runs `docker_build` tasks: a stored Dockerfile becomes an image, and on request a container of it is run."""

import gzip
import io
import re
import tarfile
from pathlib import Path
from typing import Final

import aiodocker
import aiohttp

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.docker.building import build
from tocsin_agent.tasks.docker.containers import run_container
from tocsin_agent.tasks.docker.sockets import find_engine
from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, drive, driver_failed, task_of
from tocsin_agent.tasks.script.runner import script_of
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import DockerBuildTask

#: For jobs without `timeout_secs`.
DEFAULT_TIMEOUT_SECS: Final = 3600.0
_CONNECT_SECS: Final = 10.0
#: How aiodocker numbers errors of the connection itself.
_NO_CONNECTION: Final = 900


class DockerBuildRunner:
    """Runs `docker_build` tasks."""

    def __init__(self, engine: Path | None = None) -> None:
        """`engine` is the socket; None: wherever one is found."""
        self._engine = engine

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Build, and run what was built if that is wanted. A stop ends the build, or removes the container."""

        async def work() -> Outcome:
            task = task_of(assignment, DockerBuildTask)
            dockerfile = script_of(assignment, "dockerfile").code
            path = self._engine or find_engine()
            if path is None:
                raise TaskFailed(Reason.CONNECT_FAILED, "This host has no socket of Docker or Podman.")
            return await _work(path, task, dockerfile, assignment, context)

        return await drive(assignment, context, work, default_timeout_secs=DEFAULT_TIMEOUT_SECS)


def default_tag(script_name: str) -> str:
    """A name that engines take, for tasks without `image_tag`."""
    return f"tocsin-{re.sub('[^a-z0-9]+', '-', script_name.lower()).strip('-') or 'image'}:latest"


async def _work(
    path: Path, task: DockerBuildTask, dockerfile: str, assignment: Assignment, context: TaskContext
) -> Outcome:
    engine = aiodocker.Docker(
        url=f"unix://{path}", timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECS)
    )
    try:
        image = await build(
            engine,
            _context_of(dockerfile),
            task.image_tag or default_tag(task.script_name),
            task.build_args or {},
            context,
        )
        if not task.run_after_build:
            return Outcome.succeeded()
        return await run_container(engine, image, assignment, context)
    except aiodocker.DockerError as error:
        if error.status == _NO_CONNECTION:
            raise could_not_connect("the engine", error.message) from None
        raise driver_failed("What the engine was asked for", error.message) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise driver_failed("The connection to the engine", error) from None
    finally:
        # Closes what is still open, by which engines notice that a build is no longer wanted.
        await engine.close()


def _context_of(dockerfile: str) -> io.BytesIO:
    """What the engine is sent: an archive that holds the Dockerfile alone."""
    content = dockerfile.encode()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return io.BytesIO(gzip.compress(plain.getvalue(), mtime=0))
