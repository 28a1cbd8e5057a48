"""A result as one event to fluentd or Fluent Bit: their forward protocol over TCP, each event acknowledged."""

import asyncio
import base64
import os
from datetime import UTC, datetime
from typing import Any, Final

import msgpack

from tocsin_controller.workflow.couriers import NotSent
from tocsin_controller.workflow.sinks.addresses import FluentAddress
from tocsin_controller.workflow.sinks.printed import Printed

_MOST_ANSWER_BYTES: Final = 1_024


async def send_fluent(address: FluentAddress, printed: Printed) -> str | None:
    """Until it says that it has it; None when that is not all, because it was no text. Raises NotSent, OSError."""
    chunk = base64.b64encode(os.urandom(16)).decode()
    when = int(printed.finished_at.timestamp())
    event = msgpack.packb([address.tag, when, _record(printed), {"chunk": chunk}])
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(event)
        await writer.drain()
        await _await_ack(reader, msgpack.packb(chunk))
    finally:
        # Nothing is waited for: closing in good order lasts until all is written, for ever where nobody reads it.
        writer.transport.abort()
    return f"fluent ({address.tag})" if printed.is_text else None


async def _await_ack(reader: asyncio.StreamReader, chunk: bytes) -> None:
    """The answer is `{"ack": chunk}`."""
    answer = b""
    while chunk not in answer:
        more = await reader.read(_MOST_ANSWER_BYTES)
        answer += more
        if not more or len(answer) > _MOST_ANSWER_BYTES:
            raise NotSent("fluent: it did not acknowledge the event")


def _record(printed: Printed) -> dict[str, Any]:
    return {
        "job_name": printed.job_name,
        "execution_id": printed.execution_id,
        "run_id": printed.run_id,
        "node_name": printed.agent_name,
        "status": printed.status,
        "success": printed.status == "succeeded",
        "exit_code": printed.exit_code,
        "attempt": printed.attempt,
        "started_at": _instant(printed.started_at),
        "finished_at": _instant(printed.finished_at),
        "output": printed.output,
    }


def _instant(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).isoformat()
