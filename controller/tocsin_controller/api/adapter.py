"""What every request passes through: identity, rights, limits, parsing, and one place where errors are answered."""

import asyncio
import itertools
import secrets
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg
from aiohttp import web
from pydantic import BaseModel, ValidationError

from tocsin_controller.api.admission import Admission, bearer
from tocsin_controller.api.answers import (
    SECURITY_HEADERS,
    error_page,
    error_response,
    json_response,
    plain_error,
)
from tocsin_controller.api.body import from_form, parse_fast, parse_strictly, read_body
from tocsin_controller.api.table import LIMIT_HEADERS, REQUEST_ID, Call, Route
from tocsin_controller.isolation import IN_THE_WAY
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.findings import invalid
from tocsin_shared.errors import (
    BodyTooLarge,
    FieldError,
    InvalidInput,
    MalformedBody,
    NotFound,
    TocsinError,
    TooManyRequests,
    Unavailable,
)
from tocsin_shared.logs import log

AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """How another API tells an error, given that and the request's id."""

    write: Callable[[TocsinError, str], web.Response]


#: Set by requests that want their errors in other words than ours.
ERROR_WORDS: Final = web.RequestKey("error_words", ErrorWords)


_MAX_REQUEST_ID_CHARS = 128
#: Longer bodies are parsed in a thread, so that others are answered meanwhile.
LONG_BODY_BYTES = 1024 * 1024


def _request_ids() -> Iterator[str]:
    """A name for each request of this process: cheaper than a UUID, and as good for finding it in the log."""
    process = secrets.token_hex(6)
    return (f"{process}-{number:x}" for number in itertools.count(1))


_REQUEST_IDS = _request_ids()


class Adapter:
    """Turns routes into aiohttp handlers."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def bind(self, route: Route) -> AiohttpHandler:
        """The aiohttp handler of a route."""
        parse = parse_fast if route.is_agents_own else parse_strictly

        async def handle(request: web.Request) -> web.StreamResponse:
            principal = await self._admit(request, route)
            call = Call(request, request[REQUEST_ID], principal, _path(request))
            if principal is None:
                call.address = self._admission.address_of(request)
            if route.query is not None:
                call.query = _parse_query(route.query, request)
            if route.body is not None:
                raw = call.raw = await read_body(request, route.max_body_bytes)
                if len(raw) > LONG_BODY_BYTES:
                    call.body = await asyncio.to_thread(parse, route.body, from_form(raw, route.form_field))
                elif raw and not raw.isspace():
                    call.body = parse(route.body, from_form(raw, route.form_field))
                elif route.body_required:
                    raise MalformedBody("a JSON body is required")
                else:
                    call.body = route.body()
            answer = await route.handler(call)
            if isinstance(answer, web.StreamResponse):
                return answer
            if answer is None:
                return web.Response(status=204)
            return json_response(answer, route.status)

        return handle

    async def _admit(self, request: web.Request, route: Route) -> Principal | None:
        """Who asks. Raises Unauthorized, Forbidden, TooManyRequests, Unavailable."""
        if route.roles is None:
            if route.is_limited:
                self._admission.count_stranger(request)
            return None
        raw = bearer(request)
        if raw is None and route.accepts_ticket and "ticket" in request.query:
            self._admission.count_stranger(request)
            return None
        principal = await self._admission.admit(request, route.roles, raw)
        # Agents' own calls change nothing that people did, and come thousands of times a second.
        return principal if route.is_agents_own else self._admission.with_address(request, principal)


@web.middleware
async def answer_errors(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    """The one place where an exception becomes an answer."""
    given = request.headers.get("X-Request-Id")
    request_id = given if given and _is_fit_for_an_id(given) else next(_REQUEST_IDS)
    request[REQUEST_ID] = request_id
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _from_aiohttp(error, request_id)
    except ConnectionError:  # the client went away while it was being answered
        raise
    except Exception as error:  # noqa: BLE001  told as what it is, or as a defect with its traceback in the log
        told = error if isinstance(error, TocsinError) else _as_ours(error, request)
    words: ErrorWords | None = request.get(ERROR_WORDS)
    if words is not None:
        return words.write(told, request_id)
    is_page = isinstance(told, TooManyRequests) and "text/html" in request.headers.get("Accept", "")
    return error_page(told) if is_page else error_response(told, request_id)


def _as_ours(error: Exception, request: web.Request) -> TocsinError:
    """What it means for whoever asked."""
    request_id = request[REQUEST_ID]
    if isinstance(error, asyncpg.DataError):
        log.warning("unstorable_value", request_id=request_id, method=request.method, path=_loggable(request))
        return InvalidInput("a value is out of range or can't be stored")
    if isinstance(error, IN_THE_WAY):
        return Unavailable("the database is too busy", retry_after_secs=1)
    if isinstance(error, TimeoutError):
        return Unavailable(retry_after_secs=1)
    log.error(
        "request_failed",
        request_id=request_id,
        method=request.method,
        path=_loggable(request),
        # Where, but no values of variables: some are keys or bodies.
        exception="".join(traceback.format_exception(error)),
    )
    return TocsinError("internal error")


async def head_of(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says about itself, endless ones too."""
    headers = response.headers
    headers.update(SECURITY_HEADERS)
    if request_id := request.get(REQUEST_ID):
        headers["X-Request-Id"] = request_id
    if limits := request.get(LIMIT_HEADERS):
        headers.update(limits)


def _loggable(request: web.Request) -> str:
    """The path as the table has it: what stands for its parameters may be a secret (webhook tokens)."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "?"


def _is_fit_for_an_id(given: str) -> bool:
    return len(given) <= _MAX_REQUEST_ID_CHARS and given.isascii() and given.isprintable()


def _from_aiohttp(error: web.HTTPException, request_id: str) -> web.Response:
    """What aiohttp itself refuses, in our shape."""
    match error:
        case web.HTTPNotFound():
            return plain_error(404, "not_found", "there is no such route", request_id)
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            response = plain_error(405, "method_not_allowed", f"this route takes {allowed}", request_id)
            response.headers["Allow"] = allowed
            return response
        case web.HTTPRequestEntityTooLarge():
            return error_response(BodyTooLarge(), request_id)
        case _:
            return plain_error(error.status, "http_error", error.reason or "bad request", request_id)


def _path(request: web.Request) -> dict[str, str]:
    """The path's parameters. What can't be text names nothing."""
    path = dict(request.match_info)
    for value in path.values():
        if "\x00" in value or not _is_unicode(value):
            raise NotFound
    return path


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    sent: dict[str, str] = {}
    twice: list[FieldError] = []
    for key, value in request.query.items():
        if key in sent:
            twice.append(FieldError(key, "is given twice"))
        elif value != "":  # an empty field of a form says nothing
            sent[key] = value
    if twice:
        raise InvalidInput(f"{twice[0].field}: is given twice", details=twice)
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise invalid(error, sent) from None
