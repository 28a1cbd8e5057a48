"""Answers in Dkron's form: compact JSON, or plain text, or nothing at all."""

import json
from typing import Any, Final

from aiohttp import web

from tocsin_controller.api.answers import with_error_headers
from tocsin_controller.compat.wording import sentence_of
from tocsin_shared.errors import NotFound, TocsinError

#: Where our fields stand in Dkron's jobs.
_FIELDS: Final = {"output_rules.sinks": "processors"}


class NoRoute(NotFound):
    """404 page not found"""


def answer(
    request: web.Request, value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """JSON; indented when the query has `pretty`, whatever its value."""
    if "pretty" in request.query:
        text = json.dumps(value, ensure_ascii=False, indent=4)
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return web.Response(
        body=text.encode(),
        status=status,
        headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})},
    )


def counted(request: web.Request, values: list[Any], total: int | None = None) -> web.Response:
    """A list, with how many there are."""
    return answer(request, values, headers={"X-Total-Count": str(len(values) if total is None else total)})


def error_answer(error: TocsinError) -> web.Response:
    """Never JSON; what is not there is told by an empty body."""
    if isinstance(error, NotFound) and type(error) is NotFound:
        return web.Response(status=404)
    return with_error_headers(web.Response(status=error.status, text=sentence_of(error, _FIELDS)), error)
