"""The documented Kronforce pull protocol in terms of ours: one item out, one result in."""

from collections.abc import Iterator
from uuid import UUID

from tocsin_controller.dispatch.merging import merged_task
from tocsin_shared.executions import ExecutionStatus, Reason, Stream
from tocsin_shared.protocol import (
    MAX_CHUNK_BYTES,
    AgentEvent,
    Assignment,
    OutputEvent,
    ResultEvent,
    SimpleItem,
    SimpleResult,
)


def item_from(assignment: Assignment, agent_id: UUID) -> SimpleItem:
    """What a simple agent gets; who serves it fills in the callback's address."""
    execution_id = str(assignment.execution_id)
    timeout = assignment.timeout_secs
    task = assignment.task.model_dump(mode="json")
    if assignment.connection is not None:
        task = merged_task(task, assignment.connection)
    return SimpleItem(
        queue_id=execution_id,
        execution_id=execution_id,
        job_id=str(assignment.job_id),
        agent_id=str(agent_id),
        task=task,
        run_as=assignment.run_as,
        timeout_secs=int(timeout) if timeout is not None else None,
        callback_url="",
        fence=assignment.fence,
        job_name=assignment.job_name,
        attempt_number=assignment.attempt_number,
    )


def journal_from(result: SimpleResult, fence: int) -> list[AgentEvent]:
    """The events that a native agent would have sent. The agent's own clock times are not used (G8)."""
    stdout = result.stdout.encode("utf-8", "replace")
    stderr = result.stderr.encode("utf-8", "replace")
    events: list[AgentEvent] = []
    for stream, data in ((Stream.STDOUT, stdout), (Stream.STDERR, stderr)):
        for offset, chunk in _chunks(data):
            events.append(
                OutputEvent(
                    type="output",
                    execution_id=result.execution_id,
                    fence=fence,
                    seq=len(events) + 1,
                    stream=stream,
                    offset=offset,
                    data=chunk,
                )
            )
    events.append(
        ResultEvent(
            type="result",
            execution_id=result.execution_id,
            fence=fence,
            seq=len(events) + 1,
            status=result.status,
            exit_code=result.exit_code,
            reason=_reason(result),
            stdout_bytes=len(stdout),
            stderr_bytes=len(stderr),
            stdout_truncated=result.stdout_truncated,
            stderr_truncated=result.stderr_truncated,
        )
    )
    return events


def _reason(result: SimpleResult) -> Reason | None:
    match result.status:
        case ExecutionStatus.SUCCEEDED:
            return None
        case ExecutionStatus.TIMED_OUT:
            return Reason.TIMEOUT
        case ExecutionStatus.CANCELLED:
            return Reason.CANCELLED
        case _:
            return Reason.EXIT_CODE if result.exit_code else Reason.REPORTED


def _chunks(data: bytes) -> Iterator[tuple[int, str]]:
    """Pieces of text with their byte offsets, never cut inside a character."""
    start = 0
    while start < len(data):
        end = min(start + MAX_CHUNK_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield start, data[start:end].decode()
        start = end
