"""A file that comes with its job, written on the agent's host."""

import base64
from functools import partial
from typing import Final

from tocsin_agent.policy.files import judge_writing
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, drive, task_of
from tocsin_agent.tasks.local import Draft, Place, file_thread, place_of
from tocsin_agent.tasks.local.places import with_name
from tocsin_agent.tasks.progress import Progress
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import FilePushTask

_PIECE_BYTES: Final = 1024 * 1024


class FilePushRunner:
    """Runs `file_push` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Write it under another name, and give it its own when all of it is on the disk."""
        return await drive(assignment, context, lambda: self._work(assignment, context))

    async def _work(self, assignment: Assignment, context: TaskContext) -> Outcome:
        task = task_of(assignment, FilePushTask)
        path = with_name(task.destination, task.filename)
        mode = None if task.permissions is None else int(task.permissions, 8)
        judge = judge_writing(context.policy.directories)
        progress = Progress(context)
        async with file_thread(assignment) as files:
            content = await files.run(_decoded, task.content_base64)
            finding = partial(place_of, path, judge, make_parents=True)
            async with files.holding(finding, Place.close) as place:
                taking = partial(Draft, place, f"{place.name}.part-{assignment.execution_id}")
                async with files.holding(taking, Draft.close) as draft:
                    for start in range(0, len(content), _PIECE_BYTES):
                        piece = content[start : start + _PIECE_BYTES]
                        await files.run(draft.write, piece)
                        progress.add(len(piece))
                    await files.run(draft.publish, mode=mode, overwrite=task.overwrite)
        progress.conclude(path=path)
        return Outcome.succeeded()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        # It was checked when the job was saved, unless a variable stood in it.
        raise TaskFailed(Reason.FILE_ERROR, "content_base64 is not base64.") from None
