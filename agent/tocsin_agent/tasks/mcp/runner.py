"""Calls a tool of an MCP server; the texts of its answer are the output."""

from collections.abc import Iterator
from typing import Any

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, drive, one_line, task_of
from tocsin_agent.tasks.http_caller import Caller, url_of
from tocsin_agent.tasks.mcp.client import Json, mcp_session
from tocsin_shared.connections.configs import HttpConfig
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import McpTask
from tocsin_shared.wire import dumps

#: For tasks without `timeout_secs`.
DEFAULT_TIMEOUT_SECS = 60.0
#: Of a tool's own words, in the message of a failure.
_MOST_CHARS = 500


class McpRunner:
    """Runs `mcp` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Call the tool once."""

        def tell(method: str, params: Json) -> None:
            if (line := _told(method, params)) is not None:
                context.emit(Stream.STDERR, f"{line}\n".encode())

        async def work() -> Outcome:
            task = task_of(assignment, McpTask)
            config = config_of(assignment, HttpConfig)
            async with (
                Caller(context.policy.reach, config) as caller,
                mcp_session(caller, url_of(task.server_url, config), tell) as session,
            ):
                result = await session.call_tool(task.tool, task.arguments)
                parts = list(_parts(result))
                for part in parts:
                    context.emit(Stream.STDOUT, f"{part}\n".encode())
                if result.get("isError") is True:
                    text = " ".join(parts)[:_MOST_CHARS]
                    raise TaskFailed(
                        Reason.DRIVER_ERROR, f"The tool '{task.tool}' failed.", one_line(text), exit_code=1
                    )
                return Outcome.succeeded()

        return await drive(assignment, context, work, default_timeout_secs=DEFAULT_TIMEOUT_SECS)


def _parts(result: Json) -> Iterator[str]:
    """Texts as they are, everything else as a line of JSON."""
    content = result.get("content")
    parts: list[Any] = content if isinstance(content, list) else []
    for part in parts:
        if isinstance(part, dict) and part.get("type") == "text":
            yield str(part.get("text", ""))
        else:
            yield dumps(part).decode()
    if not parts and result.get("structuredContent") is not None:
        # With parts there, they say the same for people.
        yield dumps(result["structuredContent"]).decode()


def _told(method: str, params: Json) -> str | None:
    match method:
        case "notifications/progress":
            done, total = params.get("progress"), params.get("total")
            of = "" if total is None else f" of {total:g}" if isinstance(total, int | float) else ""
            shown = f"{done:g}" if isinstance(done, int | float) else "?"
            return f"progress {shown}{of} {params.get('message') or ''}".rstrip()
        case "notifications/message":
            data = params.get("data")
            return f"{params.get('level', 'info')}: {data if isinstance(data, str) else dumps(data).decode()}"
    return None
