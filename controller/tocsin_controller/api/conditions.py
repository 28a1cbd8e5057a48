"""Conditional requests: ETag, If-Match and If-None-Match of jobs."""

from typing import Any, Final

from aiohttp import web

from tocsin_controller.api.answers import json_response
from tocsin_controller.api.table import Call
from tocsin_controller.services.etags import Precondition, etag_of
from tocsin_controller.store.database import Record

#: For the description of routes that change one job.
IF_MATCH: Final = {
    "If-Match": "Refuse (412) when the job's ETag is none of these: it was changed since it was read."
}
IF_NONE_MATCH: Final = {
    "If-None-Match": "Answer 304 without a body while the job's ETag is one of these. The tag stands for the "
    "definition and the status; what the job does (last execution, next fire) does not change it."
}


def if_match(call: Call) -> Precondition | None:
    """The states that the caller would change. Raises InvalidInput."""
    return Precondition.of(call.request.headers.get("If-Match"), "If-Match")


def is_known_to(call: Call, row: Record) -> bool:
    """Whether the caller has this state already. Raises InvalidInput."""
    known = Precondition.of(call.request.headers.get("If-None-Match"), "If-None-Match")
    return known is not None and known.names(row)


def not_modified(row: Record) -> web.Response:
    """You have it already."""
    return web.Response(status=304, headers={"ETag": etag_of(row)})


def tagged(shown: Any, row: Record, status: int = 200) -> web.Response:
    """An answer about one job, with its tag."""
    response = json_response(shown, status)
    response.headers["ETag"] = etag_of(row)
    return response
