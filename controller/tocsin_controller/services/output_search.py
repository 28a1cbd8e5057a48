"""Searching what executions printed, newest first, in bounded time."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final
from uuid import UUID

from tocsin_controller.indexing import pieces_of
from tocsin_controller.searchable import Terms, parse_terms, places_of
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.history import FIRST_ID, LAST_ID, executions_shown
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.output_search import Candidate, oldest_searchable, search_output
from tocsin_shared.errors import InvalidInput
from tocsin_shared.executions import STREAMS_BY_NUMBER
from tocsin_shared.ids import id_floor, id_time

#: After so long no further day is begun; the page then says where to go on.
BUDGET_SECS: Final = 1.5
#: Lines shown of one execution, and characters of one.
MOST_LINES: Final = 3
MOST_CHARS: Final = 240
_BEFORE_MATCH: Final = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for, and where."""

    terms: Terms
    job_id: UUID | None = None
    status: str | None = None
    since: datetime | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found."""

    data: list[dict[str, Any]]
    #: How many were seen, from the cursor on.
    total: int
    #: Where to go on; None: nothing older is searchable.
    next: UUID | None


def terms_of(text: str) -> Terms:
    """What a search's text asks for. Raises InvalidInput."""
    terms = parse_terms(text)
    if terms is None:
        raise InvalidInput.field("q", "must hold at least one word to look for, and at most 20 terms")
    return terms


async def search(db: Database, wanted: Wanted, *, offset: int, limit: int) -> Hits:
    """The executions of one page, each with the lines that were found."""
    ids, following = await _find(db, wanted, offset + limit)
    rows = await executions_shown(db, ids[offset : offset + limit])
    shown = [_show(row) for row in rows]
    pieces = await pieces_of(db, [_candidate(row) for row in rows]) if rows else {}
    lines = await asyncio.to_thread(
        lambda: [_highlights(pieces.get(row["id"], []), wanted.terms) for row in rows]
    )
    data = [{**one, "highlights": found} for one, found in zip(shown, lines, strict=True)]
    return Hits(data, len(ids), following)


async def _find(db: Database, wanted: Wanted, most: int) -> tuple[list[UUID], UUID | None]:
    """At most so many ids, day by day: a day is a partition, and so is never searched for another's sake."""
    oldest = await oldest_searchable(db)
    since = id_floor(wanted.since) if wanted.since is not None else FIRST_ID
    high = wanted.before or LAST_ID
    ids: list[UUID] = []
    if oldest is None or high <= max(oldest, since):
        return ids, None
    deadline = time.monotonic() + BUDGET_SECS
    async with db.transaction() as session:
        newest_day = (await read_clock(session) + timedelta(days=1)).date()
        day = min(id_time(high).date(), newest_day) if wanted.before else newest_day
        while True:
            low = max(id_floor(datetime.combine(day, time_of_day(), UTC)), since)
            ids += await search_output(
                session,
                wanted.terms.query,
                before=high,
                since=low,
                job_id=wanted.job_id,
                status=wanted.status,
                limit=most - len(ids),
            )
            if len(ids) == most:
                return ids, ids[-1]
            if low <= max(oldest, since):
                return ids, None
            if time.monotonic() > deadline:
                return ids, low
            high, day = low, day - timedelta(days=1)


def _show(row: Record) -> dict[str, Any]:
    names = ("id", "job_id", "job_name", "run_id", "agent_name", "status", "started_at", "finished_at")
    return {name: row[name] for name in names}


def _candidate(row: Record) -> Candidate:
    return Candidate(row["id"], row["status"], row["stdout_bytes"], row["stderr_bytes"])


def _highlights(pieces: Iterable[tuple[int, str]], terms: Terms) -> list[dict[str, Any]]:
    """The first lines with a phrase in them; when all go over line ends, those with one of their words."""
    parts = [(number, line) for number, text in pieces for line in text.splitlines()]
    return _lines_with(parts, terms.wanted) or _lines_with(parts, [(w,) for p in terms.wanted for w in p])


def _lines_with(parts: Iterable[tuple[int, str]], phrases: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number, line in parts:
        if places := places_of(line, phrases):
            found.append({"stream": STREAMS_BY_NUMBER[number].value, **_cut(line, places)})
            if len(found) == MOST_LINES:
                break
    return found


def _cut(line: str, places: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """The part of a line around its first place."""
    start = max(places[0][0] - _BEFORE_MATCH, 0) if len(line) > MOST_CHARS else 0
    text = line[start : start + MOST_CHARS]
    inside = [(first - start, last - start) for first, last in places if last - start <= len(text)]
    return {"text": text, "matches": inside}
