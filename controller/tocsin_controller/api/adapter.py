"""What every request passes through: identity, rights, limits, parsing, and one shape of error."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from tocsin_controller.api.limits import RateLimits
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.findings import invalid
from tocsin_shared.errors import (
    BodyTooLarge,
    Forbidden,
    MalformedBody,
    TocsinError,
    Unauthorized,
    Unavailable,
)
from tocsin_shared.ids import new_id
from tocsin_shared.wire import dumps, loads

log = structlog.get_logger(__name__)

SECURITY_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}

MAX_DEPTH = 64


class Adapter:
    """Turns routes into aiohttp handlers."""

    def __init__(self, keyring: KeyRing, limits: RateLimits) -> None:
        self._keyring = keyring
        self._limits = limits

    def bind(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The aiohttp handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            principal = await self._authenticate(request, route)
            call = Call(request, request["request_id"], principal, dict(request.match_info))
            if route.query is not None:
                call.query = _parse_query(route.query, request)
            if route.body is not None:
                call.body = await _parse_body(route.body, route, request)
            answer = await route.handler(call)
            if isinstance(answer, web.StreamResponse):
                return answer
            if answer is None:
                return web.Response(status=204)
            return json_response(answer, route.status)

        return handle

    async def _authenticate(self, request: web.Request, route: Route) -> Principal | None:
        peer = request.remote or "unknown"
        if route.roles is None:
            if not request.path.startswith("/api/health"):
                request["limits"] = self._limits.take_public(peer)
            return None
        raw = bearer(request)
        if raw is None:
            request["limits"] = self._limits.take_public(peer)
            raise Unauthorized
        try:
            principal = await self._keyring.authenticate(raw)
        except Unauthorized:
            request["limits"] = self._limits.take_public(peer)
            raise
        request["limits"] = self._limits.take(principal)
        if principal.role not in route.roles:
            raise Forbidden(f"the role '{principal.role}' may not do this")
        return principal


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The one place where an exception becomes an answer."""
    given = request.headers.get("X-Request-Id", "")
    request_id = given if 0 < len(given) <= 128 and given.isprintable() else str(new_id())
    request["request_id"] = request_id
    try:
        response = await handler(request)
    except TocsinError as error:
        response = error_response(error, request_id)
    except web.HTTPRequestEntityTooLarge:
        response = error_response(BodyTooLarge(), request_id)
    except web.HTTPNotFound:
        response = plain_error(404, "not_found", "there is no such route", request_id)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = plain_error(405, "method_not_allowed", f"this route takes {allowed}", request_id)
        response.headers["Allow"] = allowed
    except web.HTTPException as error:
        response = plain_error(error.status, "http_error", error.reason or "bad request", request_id)
    except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        response = error_response(Unavailable("the database is too busy", retry_after_secs=1), request_id)
    except Exception:
        log.exception("request_failed", request_id=request_id, method=request.method, path=request.path)
        response = plain_error(500, "internal", "internal error", request_id)
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        for name, value in (request.get("limits") or {}).items():
            response.headers[name] = value
    return response


def bearer(request: web.Request) -> str | None:
    """The key that the request shows."""
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    return raw.strip() if scheme.lower() == "bearer" and raw.strip() else None


def json_response(value: Any, status: int = 200) -> web.Response:
    """Models, dataclass-free dicts and lists, as JSON."""
    body = value.model_dump_json().encode() if isinstance(value, BaseModel) else dumps(value)
    return web.Response(body=body, status=status, content_type="application/json")


def error_response(error: TocsinError, request_id: str) -> web.Response:
    """A known error."""
    response = json_response(error.to_wire(request_id), error.status)
    retry = error.retry_after_secs
    if isinstance(error, Unavailable) and retry is None:
        retry = 1
    if retry is not None:
        response.headers["Retry-After"] = str(max(1, round(retry)))
    return response


def plain_error(status: int, code: str, text: str, request_id: str) -> web.Response:
    """An error that has no class of its own."""
    return json_response({"error": text, "code": code, "details": [], "request_id": request_id}, status)


def _parse_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise invalid(error) from None


async def _parse_body(model: type[BaseModel], route: Route, request: web.Request) -> BaseModel:
    raw = await read_body(request, route.max_body_bytes)
    if not raw.strip():
        if route.body_required:
            raise MalformedBody("a JSON body is required")
        raw = b"{}"
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if any(e["type"] == "json_invalid" for e in error.errors(include_url=False)):
            raise MalformedBody(_why_malformed(raw)) from None
        raise invalid(error) from None


def _why_malformed(raw: bytes) -> str:
    try:
        loads(raw)
    except (json.JSONDecodeError, ValueError) as error:
        return f"the body is not valid JSON: {error}"
    return "the body is not valid JSON"


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body, refused as soon as it is known to be larger than the limit."""
    if request.content_length is not None and request.content_length > limit:
        raise BodyTooLarge(f"the body is larger than {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_chunked(64 * 1024):
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
