"""Results on their way to sinks: an entry of the outbox for each, with what has taken it already."""

import asyncio
from typing import Any, Final
from uuid import UUID

import aiohttp

from tocsin_controller.hints import FORWARDS
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.outbox import OutboxEntry, is_claimed, note_taken
from tocsin_controller.store.output import chunks_of
from tocsin_controller.store.unjudged import point_output
from tocsin_controller.workflow.couriers import NotSent
from tocsin_controller.workflow.ending import Ended
from tocsin_controller.workflow.outgoing import execution_of, tell_unsent
from tocsin_controller.workflow.sinks.outlets import Outlets
from tocsin_controller.workflow.sinks.printed import Printed
from tocsin_shared.executions import STREAM_NUMBERS
from tocsin_shared.output_rules import Sink

#: The kind of entry in the outbox.
SINK: Final = "sink"
#: Of each stream, its end.
MOST_BYTES: Final = 256_000
#: Tries of one result, over about 15 minutes.
MOST_TRIES: Final = 6
_STREAMS: Final = tuple(STREAM_NUMBERS.values())


def sinks_of(ended: Ended, sinks: list[Sink]) -> dict[str, Any]:
    """The entry for one result."""
    return {
        "execution_id": str(ended.work.execution_id),
        "sinks": [sink.model_dump(mode="json") for sink in sinks],
        "taken": {},
    }


class Sinks:
    """What couriers have to do with them."""

    kind = SINK
    topic = FORWARDS
    most_tries = MOST_TRIES

    def __init__(self, db: Database, outlets: Outlets) -> None:
        self._db = db
        self._outlets = outlets

    async def send(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        """To all sinks that have not taken it yet, at the same time. Raises NotSent."""
        execution = await execution_of(self._db, entry)
        if execution is None:  # its history was dropped meanwhile
            return
        printed = await self._printed(execution)
        # What was read may be what another controller has put in place of the output.
        if not await is_claimed(self._db, entry):
            raise NotSent("another controller hands it over")
        taken, failures = entry.payload["taken"], list[NotSent]()

        async def hand_over(place: str, sink: Sink) -> None:
            try:
                taken[place] = await self._outlets.hand_over(sink, printed)
            except NotSent as error:
                failures.append(error)

        async with asyncio.TaskGroup() as group:
            for place, sink in enumerate(_sinks(entry)):
                if str(place) not in taken:
                    group.create_task(hand_over(str(place), sink))
        if failures:
            await note_taken(self._db, entry.id, taken)
            is_final = all(failure.is_final for failure in failures)
            raise NotSent("; ".join(map(str, failures)), is_final=is_final)

    async def sent(self, session: Session, entry: OutboxEntry) -> None:
        """All have it: where one is to have it alone, what is kept says where all of it is, if anybody has that."""
        execution = await execution_of(session, entry)
        if execution is None or all(sink.keep_output for sink in _sinks(entry)):
            return
        if any(execution[f"{stream}_bytes"] > MOST_BYTES for stream in ("stdout", "stderr")):
            return  # they have its end only
        taken = (where for _, where in sorted(entry.payload["taken"].items()))
        said = "".join(f"output is in {where}\n" for where in taken if where)
        if said:
            await point_output(session, execution["id"], said.encode())

    async def gave_up(self, session: Session, entry: OutboxEntry, why: str) -> None:
        """An event says it; the output is kept."""
        await tell_unsent(session, entry, "output.sink_failed", "handed to a sink", why)

    async def _printed(self, execution: Record) -> Printed:
        return Printed(
            execution["job_name"],
            str(execution["id"]),
            str(execution["run_id"]),
            execution["agent_name"],
            execution["status"],
            execution["exit_code"],
            execution["attempt_number"],
            execution["started_at"],
            execution["finished_at"],
            b"".join([await self._end_of(execution["id"], stream) for stream in _STREAMS]),
        )

    async def _end_of(self, execution_id: UUID, stream: int) -> bytes:
        kept = bytearray()
        async for _, data in chunks_of(self._db, execution_id, stream):
            kept += data
            del kept[:-MOST_BYTES]
        return bytes(kept)


def _sinks(entry: OutboxEntry) -> list[Sink]:
    return [Sink.model_validate(sink) for sink in entry.payload["sinks"]]
