"""Answers: JSON, and the one shape of errors."""

import html
import math
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from tocsin_shared.errors import TocsinError, Unauthorized, Unavailable
from tocsin_shared.wire import dumps

SECURITY_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Server": "tocsin",
}

_JSON = {"Content-Type": "application/json"}


def json_response(value: Any, status: int = 200) -> web.Response:
    """A model, or plain dicts and lists."""
    body = value.__pydantic_serializer__.to_json(value) if isinstance(value, BaseModel) else dumps(value)
    return web.Response(body=body, status=status, headers=_JSON)


def error_response(error: TocsinError, request_id: str) -> web.Response:
    """A known error."""
    return with_error_headers(json_response(error.to_wire(request_id), error.status), error)


def error_page(error: TocsinError) -> web.Response:
    """The same for whoever looks with a browser."""
    text = html.escape(str(error))
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tocsin</title>'
    page = f"{head}<h1>{error.status}</h1><p>{text}</p>"
    return with_error_headers(web.Response(text=page, status=error.status, content_type="text/html"), error)


def with_error_headers(response: web.Response, error: TocsinError, scheme: str = "Bearer") -> web.Response:
    """When to come again, and what to show then."""
    retry_secs = error.retry_after_secs
    if retry_secs is None and isinstance(error, Unavailable):
        retry_secs = 1
    if retry_secs is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_secs)))
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = f'{scheme} realm="tocsin"'
    return response


def plain_error(status: int, code: str, text: str, request_id: str) -> web.Response:
    """An error that has no class of its own."""
    return json_response({"error": text, "code": code, "details": [], "request_id": request_id}, status)
