"""Moving one file: piece by piece under another name, then under its own."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from tocsin_agent.tasks.driving import TaskFailed, driver_failed
from tocsin_agent.tasks.local import Draft, FileThread, Place, open_for_reading, place_of
from tocsin_agent.tasks.local.errors import file_failed
from tocsin_agent.tasks.local.places import Judge, with_name
from tocsin_agent.tasks.progress import Progress, amount
from tocsin_agent.tasks.transfer.remote import CannotResume, Remote, RemoteFile

#: Read and written at once; no more than a few of them are in memory.
PIECE_BYTES: Final = 1024 * 1024
#: A server that neither takes nor gives anything for so long is given up.
STALL_SECS = 60.0
#: What is left on the server is removed within this time, or stays.
_REMOVE_SECS: Final = 3.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Job:
    """Which file goes where."""

    remote_path: str
    local_path: str
    #: Differs between executions.
    execution_id: str
    #: Of the job; None when nothing is resumed.
    resumes: str | None
    judge: Judge


class Mover:
    """Moves files for all executions of an agent, which may want to resume the same one."""

    def __init__(self) -> None:
        self._partials: set[str] = set()

    async def upload(self, job: Job, remote: Remote, files: FileThread, progress: Progress) -> str:
        """Returns the path over there. Raises TaskFailed."""
        taking = partial(open_for_reading, job.local_path, job.judge)
        async with files.holding(taking, lambda taken: os.close(taken[0])) as (fd, info):
            to = with_name(job.remote_path, job.local_path)
            progress.total = info.st_size
            version = f"{socket.gethostname()} {info.st_ino} {info.st_size} {info.st_mtime_ns}"
            with self._partial(job, to, version) as (part, goes_on):
                found = await remote.look(part) if goes_on else None
                offset = _to_go_on_from(found, info.st_size, certain=remote.writes_in_order)
                try:
                    await self._send_from(offset, remote, part, files, fd, progress)
                    await _check_size(remote, part, progress.done)
                    await _in_time(remote.rename(part, to), f"Renaming {part} on {remote.name}")
                except BaseException:
                    if not goes_on:
                        await _remove(remote, part, progress)
                    raise
        return to

    async def download(self, job: Job, remote: Remote, files: FileThread, progress: Progress) -> str:
        """Returns the path here. Raises TaskFailed."""
        path = with_name(job.local_path, job.remote_path)
        doing = f"Reading {job.remote_path} from {remote.name}"
        found = await _in_time(remote.look(job.remote_path), doing)
        if found is None:
            raise driver_failed(doing, "there is no such file, or it may not be seen")
        progress.total = found.size
        version = None
        if found.size is not None and found.version is not None:
            version = f"{remote.name} {job.remote_path} {found.size} {found.version}"
        async with files.holding(partial(place_of, path, job.judge), Place.close) as place:
            with self._partial(job, path, version) as (part, goes_on):
                taking = partial(Draft, place, part.rpartition("/")[2], goes_on=goes_on)
                async with files.holding(taking, Draft.close) as draft:
                    offset = await files.run(draft.size)
                    if found.size is not None and offset > found.size:
                        offset = 0
                    await self._fetch_from(offset, remote, job.remote_path, files, draft, progress)
                    if found.size is not None and progress.done != found.size:
                        raise driver_failed(doing, f"it ended after {progress.done} of {found.size} bytes")
                    await files.run(draft.publish)
        return path

    async def _send_from(
        self, offset: int, remote: Remote, part: str, files: FileThread, fd: int, progress: Progress
    ) -> None:
        _begin(progress, offset)
        await files.run(os.lseek, fd, offset, os.SEEK_SET)
        doing = f"Writing {part} to {remote.name}"
        try:
            async with remote.writing(part, offset) as there:
                while piece := await files.run(_read, fd, part):
                    await _in_time(there.write(piece), doing)
                    progress.add(len(piece))
        except CannotResume:
            progress.say(f"{remote.name} can't resume.")
            await self._send_from(0, remote, part, files, fd, progress)

    async def _fetch_from(
        self, offset: int, remote: Remote, path: str, files: FileThread, draft: Draft, progress: Progress
    ) -> None:
        _begin(progress, offset)
        await files.run(draft.cut, offset)
        doing = f"Reading {path} from {remote.name}"
        try:
            async with remote.reading(path, offset) as there:
                while piece := await _in_time(there.read(), doing):
                    await files.run(draft.write, piece)
                    progress.add(len(piece))
        except CannotResume:
            progress.say(f"{remote.name} can't resume.")
            await self._fetch_from(0, remote, path, files, draft, progress)

    @contextmanager
    def _partial(self, job: Job, path: str, version: str | None) -> Iterator[tuple[str, bool]]:
        """The name under which the file grows, and whether to go on with what is there.

        With `resume` it is the same for every attempt at the same version of the file, so that a piece of an older
        version is never continued. An attempt that runs beside another one gets a name of its own.
        """
        if job.resumes is not None and version is not None:
            part = f"{path}.part-{hashlib.sha256(f'{job.resumes} {version}'.encode()).hexdigest()[:16]}"
            if part not in self._partials:
                self._partials.add(part)
                try:
                    yield part, True
                finally:
                    self._partials.discard(part)
                return
        yield f"{path}.part-{job.execution_id}", False


def _to_go_on_from(found: RemoteFile | None, whole: int, *, certain: bool) -> int:
    size = (found.size or 0) if found else 0
    if size > whole:
        return 0
    # The last piece may have arrived in parts, and not from its beginning on.
    return size if certain else max(size - PIECE_BYTES, 0)


def _begin(progress: Progress, offset: int) -> None:
    progress.begin(offset)
    if offset:
        progress.say(f"Resumes at {amount(offset)}.")


async def _check_size(remote: Remote, part: str, sent: int) -> None:
    found = await remote.look(part)
    if found is not None and found.size is not None and found.size != sent:
        raise driver_failed(f"Writing {part} to {remote.name}", f"it has {found.size} of {sent} bytes there")


async def _remove(remote: Remote, part: str, progress: Progress) -> None:
    try:
        await asyncio.wait_for(remote.remove(part), _REMOVE_SECS)
    except (TaskFailed, TimeoutError, OSError):
        with suppress(RuntimeError):
            progress.say(f"{part} may be left on {remote.name}.")


async def _in_time(step: Awaitable[_T], doing: str) -> _T:
    try:
        async with asyncio.timeout(STALL_SECS):
            return await step
    except TimeoutError:
        raise driver_failed(doing, f"nothing moved for {STALL_SECS:g} s") from None


def _read(fd: int, path: str) -> bytes:
    try:
        return os.read(fd, PIECE_BYTES)
    except OSError as error:
        raise file_failed("read", path, error) from None
