"""What every request passes through: identity, rights, limits, parsing, and one place where errors are answered."""

import asyncio
import itertools
import secrets
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import asyncpg
import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from tocsin_controller.api.answers import (
    SECURITY_HEADERS,
    error_page,
    error_response,
    json_response,
    plain_error,
)
from tocsin_controller.api.body import from_form, parse_fast, parse_strictly, read_body
from tocsin_controller.api.limits import Allowance, RateLimits
from tocsin_controller.api.peers import Peers
from tocsin_controller.api.table import LIMIT_HEADERS, REQUEST_ID, Call, Route
from tocsin_controller.isolation import IN_THE_WAY
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.findings import invalid
from tocsin_shared.errors import (
    BodyTooLarge,
    FieldError,
    Forbidden,
    InvalidInput,
    MalformedBody,
    NotFound,
    TocsinError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)

log = structlog.get_logger(__name__)

AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

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

    def __init__(self, keyring: KeyRing, limits: RateLimits, peers: Peers) -> None:
        self._keyring = keyring
        self._limits = limits
        self._peers = peers

    def bind(self, route: Route) -> AiohttpHandler:
        """The aiohttp handler of a route."""
        parse = parse_fast if route.is_agents_own else parse_strictly

        async def handle(request: web.Request) -> web.StreamResponse:
            principal = await self._admit(request, route)
            call = Call(request, request[REQUEST_ID], principal, _path(request))
            if principal is None:
                call.address = self._address_of(request)
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
                self._count_stranger(request)
            return None
        raw = bearer(request)
        if raw is None:
            if route.accepts_ticket and "ticket" in request.query:
                self._count_stranger(request)
                return None
            self._count_stranger(request)
            raise Unauthorized
        try:
            principal = await self._keyring.authenticate(raw)
        except Unauthorized:
            self._count_stranger(request)
            raise
        _obey(request, self._limits.take(principal))
        if principal.role not in route.roles:
            raise Forbidden(f"the role '{principal.role}' may not do this")
        # Agents' own calls change nothing that people did, and come thousands of times a second.
        return principal if route.is_agents_own else replace(principal, address=self._address_of(request))

    def _count_stranger(self, request: web.Request) -> None:
        """Whoever has no valid key is known by the address that the request came from."""
        _obey(request, self._limits.take_public(self._address_of(request) or "unknown"))

    def _address_of(self, request: web.Request) -> str | None:
        return self._peers.address_of(request.remote, request.headers.getall("X-Forwarded-For", ()))


@web.middleware
async def answer_errors(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    """The one place where an exception becomes an answer."""
    given = request.headers.get("X-Request-Id")
    request_id = given if given and _is_fit_for_an_id(given) else next(_REQUEST_IDS)
    request[REQUEST_ID] = request_id
    try:
        response = await handler(request)
    except TocsinError as error:
        is_page = isinstance(error, TooManyRequests) and "text/html" in request.headers.get("Accept", "")
        response = error_page(error) if is_page else error_response(error, request_id)
    except web.HTTPException as error:
        response = _from_aiohttp(error, request_id)
    except asyncpg.DataError:
        log.warning("unstorable_value", request_id=request_id, method=request.method, path=_loggable(request))
        response = error_response(InvalidInput("a value is out of range or can't be stored"), request_id)
    except IN_THE_WAY:
        response = error_response(Unavailable("the database is too busy", retry_after_secs=1), request_id)
    except TimeoutError:
        response = error_response(Unavailable(retry_after_secs=1), request_id)
    except ConnectionError:  # the client went away while it was being answered
        raise
    except Exception:  # noqa: BLE001 - a defect: told with its traceback, answered without
        log.error(
            "request_failed",
            request_id=request_id,
            method=request.method,
            path=_loggable(request),
            exception=traceback.format_exc(),  # where, but no values of variables: some are keys or bodies
        )
        response = plain_error(500, "internal", "internal error", request_id)
    return response


async def head_of(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says about itself, endless ones too."""
    headers = response.headers
    headers.update(SECURITY_HEADERS)
    if request_id := request.get(REQUEST_ID):
        headers["X-Request-Id"] = request_id
    if limits := request.get(LIMIT_HEADERS):
        headers.update(limits)


def _obey(request: web.Request, allowance: Allowance) -> None:
    """Raises TooManyRequests; the answer shows the limit either way."""
    request[LIMIT_HEADERS] = allowance.headers
    if allowance.retry_after_secs is not None:
        raise TooManyRequests(retry_after_secs=allowance.retry_after_secs)


def bearer(request: web.Request) -> str | None:
    """The key that the request shows."""
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    return raw.strip() or None if scheme.lower() == "bearer" else None


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
