"""Jobs from a file that Dkron's list of jobs was saved to."""

import asyncio
import json
from datetime import datetime
from typing import Any, Final

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from tocsin_controller.compat.dkron.checking import check_job
from tocsin_controller.compat.dkron.jobs import MOST_JOBS, DkronJobs
from tocsin_controller.compat.dkron.policies import Policies
from tocsin_controller.compat.dkron.values import decode_job, first_value
from tocsin_controller.security.roles import Principal
from tocsin_controller.store.database import Database
from tocsin_controller.store.jobs import read_clock
from tocsin_shared.errors import BodyTooLarge, InvalidInput, MalformedBody, TocsinError

_FIELD: Final = "file"
_MOST_BYTES: Final = 32 * 1024 * 1024
#: What reading a form ends with that is none: headers with control characters, nested too deep, cut off.
_NO_FORM: Final = (ValueError, RuntimeError, AssertionError, HttpProcessingError)


async def read_file(request: web.Request) -> bytes | None:
    """The form's file; None when it has none. Raises MalformedBody, BodyTooLarge."""
    if not request.content_type.startswith("multipart/"):
        return None
    try:
        form = await request.multipart()
        async for part in form:
            if isinstance(part, BodyPartReader) and part.name == _FIELD:
                return await _bytes_of(part)
    except _NO_FORM:
        raise MalformedBody("the form can't be read") from None
    return None


async def _bytes_of(part: BodyPartReader) -> bytes:
    found = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        found += chunk
        if len(found) > _MOST_BYTES:
            raise BodyTooLarge(f"the file is larger than {_MOST_BYTES} bytes")
    return bytes(found)


async def restore(db: Database, jobs: DkronJobs, policies: Policies, raw: bytes, by: Principal) -> str:
    """Save all of them, parents first; a line each, as JSON. Raises InvalidInput, and then nothing is saved."""
    told: list[str] = []
    failed: set[str] = set()
    for job in await asyncio.to_thread(_read, raw, await read_clock(db)):
        if job["parent_job"] in failed:
            failed.add(job["name"])
            continue
        try:
            await policies.check_saving(by, job["name"])
            await jobs.save(job, by)
        except TocsinError:
            failed.add(job["name"])
            told.append(f"fail create {job['name']}")
        else:
            told.append(f"success create {job['name']}")
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _read(raw: bytes, now: datetime) -> list[dict[str, Any]]:
    value = first_value(raw)
    if not isinstance(value, list) or len(value) > MOST_JOBS:
        raise MalformedBody(f"the file must hold a list of at most {MOST_JOBS} jobs")
    found = [decode_job(one) for one in value]
    names = {job["name"] for job in found}
    for job in found:
        check_job(job, now)
        if job["parent_job"] and job["parent_job"] not in names:
            raise InvalidInput(f"the parent of {job['name']} is not in the file")
    return in_order(found)


def in_order(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parents before their children; jobs that are their own ancestors come last. Of those of one name the last."""
    waiting = {job["name"]: job for job in jobs}
    children: dict[str, list[dict[str, Any]]] = {}
    ordered: list[dict[str, Any]] = []
    for job in waiting.values():
        parent = job["parent_job"]
        (children.setdefault(parent, []) if parent in waiting else ordered).append(job)
    for job in ordered:  # which grows meanwhile
        ordered += children.pop(job["name"], ())
    return ordered + [job for family in children.values() for job in family]
