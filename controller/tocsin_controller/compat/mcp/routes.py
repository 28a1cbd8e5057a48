"""Streamable HTTP at `/mcp`: one request, one answer as an event. Nothing is kept between requests."""

from importlib.metadata import version
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from tocsin_controller.api.admission import Admission
from tocsin_controller.api.answers import error_response, json_response
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.compat.facade import Facade, FacadeCall, FacadeRoute
from tocsin_controller.compat.mcp.tools import Tools, said
from tocsin_controller.security.roles import READERS, Principal
from tocsin_controller.services.findings import invalid
from tocsin_shared.errors import InvalidInput, TocsinError, Unavailable
from tocsin_shared.ids import new_id
from tocsin_shared.wire import dumps

PATH: Final = "/mcp"
#: Spoken here; whoever asks for another is offered the first.
VERSIONS: Final = ("2025-06-18", "2025-03-26", "2024-11-05")
_SESSION: Final = "Mcp-Session-Id"
_WANTED: Final = ("application/json", "text/event-stream")
_BAD_REQUEST, _NO_METHOD, _BAD_PARAMS = -32600, -32601, -32602


class _CallFailed(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class McpServer(Facade):
    """The server."""

    def __init__(self, admission: Admission, parts: Parts) -> None:
        super().__init__(admission)
        self._tools = Tools(parts)

    def routes(self) -> list[FacadeRoute]:
        """The only one."""
        return [FacadeRoute("POST", PATH, READERS, self.answer)]

    def error(self, error: TocsinError, request_id: str) -> web.Response:
        """Of requests that do not get as far as a call."""
        return error_response(error, request_id)

    async def answer(self, call: FacadeCall) -> web.Response:
        """One message. What has no id is a notification, and is not answered."""
        accepted = call.request.headers.get("Accept", "").lower()
        if not all(kind in accepted for kind in _WANTED):
            return _refusal(406, f"Accept must name {' and '.join(_WANTED)}")
        try:
            message = await call.json()
        except InvalidInput as error:
            return _refusal(400, str(error))
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return _refusal(400, "the body must be one JSON-RPC request")
        session = call.request.headers.get(_SESSION) or str(new_id())
        headers = {_SESSION: session} if session.isascii() and session.isprintable() else {}
        if message.get("id") is None:
            return web.Response(status=202, headers=headers)
        if isinstance(message["id"], bool) or not isinstance(message["id"], str | int | float):
            return _refusal(400, "the id must be a string or a number")
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            answer["result"] = await self._result(message["method"], message.get("params") or {}, call.caller)
        except _CallFailed as failure:
            answer["error"] = {"code": failure.code, "message": str(failure)}
        body = b"event: message\ndata: " + dumps(answer) + b"\n\n"
        headers["Cache-Control"] = "no-cache"
        return web.Response(body=body, content_type="text/event-stream", headers=headers)

    async def _result(self, method: str, params: Any, by: Principal) -> dict[str, Any]:
        if not isinstance(params, dict):
            raise _CallFailed(_BAD_PARAMS, "params must be an object")
        match method:
            case "initialize":
                asked = params.get("protocolVersion")
                return {
                    "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
                    "capabilities": {"tools": {"listChanged": False}},
                    "serverInfo": {"name": "tocsin", "version": version("tocsin-controller")},
                }
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [tool.described() for tool in self._tools.by_name.values()]}
            case "tools/call":
                return await self._call(params, by)
        raise _CallFailed(_NO_METHOD, f"there is no method '{method[:100]}'")

    async def _call(self, params: dict[str, Any], by: Principal) -> dict[str, Any]:
        """What goes wrong in a tool is its answer: whoever called it can do better."""
        name = params.get("name")
        tool = self._tools.by_name.get(name) if isinstance(name, str) else None
        if tool is None:
            return _content(f"There is no tool '{str(name)[:100]}'.", is_error=True)
        if by.role not in tool.roles:
            return _content(f"The role '{by.role}' may not call {tool.name}.", is_error=True)
        arguments = params.get("arguments") or {}
        try:
            return _content(said(await tool.call(tool.arguments.model_validate(arguments), by)))
        except ValidationError as error:
            return _content(str(invalid(error, arguments)), is_error=True)
        except Unavailable:
            raise
        except TocsinError as error:
            return _content(str(error), is_error=True)


def _content(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def _refusal(status: int, why: str) -> web.Response:
    error = {"code": _BAD_REQUEST, "message": why}
    return json_response({"jsonrpc": "2.0", "id": "server-error", "error": error}, status)
