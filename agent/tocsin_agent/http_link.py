"""The controller over HTTP(S)."""

from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
from pydantic import BaseModel, ValidationError

from tocsin_agent.link import Refused, Unreachable
from tocsin_agent.retry import is_retryable_status
from tocsin_shared.protocol import (
    Assignment,
    EventsRequest,
    EventsResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    PollRequest,
    PollResponse,
    RegisterRequest,
    RegisterResponse,
)
from tocsin_shared.wire import loads

M = TypeVar("M", bound=BaseModel)

#: Answers are read no further: a broken controller can't fill this host's memory.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
CALL_TIMEOUT_SECS = 30.0
#: Added to a poll's wait for the way there and back.
POLL_MARGIN_SECS = 15.0


class HttpLink:
    """Calls one controller (or a load balancer before several). `key` speaks for the agent and may be changed."""

    def __init__(self, url: str, key: str, *, ca_file: str | None = None) -> None:
        self._base = url.rstrip("/")
        self.key = key
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def register(self, request: RegisterRequest) -> RegisterResponse:
        """POST /api/agents/register."""
        return await self._call("/api/agents/register", request, RegisterResponse)

    async def poll(self, agent_id: UUID, request: PollRequest) -> PollResponse:
        """POST /api/agent-queue/{id}/next."""
        timeout = request.wait_secs + POLL_MARGIN_SECS
        body = await self._send(f"/api/agent-queue/{agent_id}/next", request, timeout)
        try:
            return PollResponse.model_validate_json(body)
        except ValidationError:
            return _readable_part(body)

    async def heartbeat(self, agent_id: UUID, request: HeartbeatRequest) -> HeartbeatResponse:
        """POST /api/agents/{id}/heartbeat."""
        return await self._call(f"/api/agents/{agent_id}/heartbeat", request, HeartbeatResponse)

    async def upload(self, agent_id: UUID, request: EventsRequest) -> EventsResponse:
        """POST /api/agents/{id}/events."""
        return await self._call(f"/api/agents/{agent_id}/events", request, EventsResponse)

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    async def _call(self, path: str, request: BaseModel, answer: type[M]) -> M:
        body = await self._send(path, request, CALL_TIMEOUT_SECS)
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            raise Unreachable(
                None, f"undecodable answer to {path} ({error.error_count()} mistakes)"
            ) from None

    async def _send(self, path: str, request: BaseModel, timeout_secs: float) -> bytes:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            async with self._open().post(
                self._base + path,
                data=request.model_dump_json(exclude_none=True).encode(),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout_secs),
                allow_redirects=False,
            ) as response:
                body = await _bounded(response)
                if response.status == 200:
                    return body
                raise _failure(response, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(None, f"{type(error).__name__}: {error}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            ssl: bool | object = True
            if self._ca_file is not None:
                import ssl as tls

                ssl = tls.create_default_context(cafile=self._ca_file)
            connector = aiohttp.TCPConnector(limit=8, ssl=ssl)  # type: ignore[arg-type]  # True or a context
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self._session


def check_url(url: str) -> str | None:
    """What is wrong with a controller's address, or None."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"'{url}' is not an address such as https://tocsin.example.org"
    return None


def _readable_part(body: bytes) -> PollResponse:
    """An answer of which only a part can be read, such as a newer controller's task type.

    An assignment whose task is unreadable becomes one that no runner takes, so that it is reported as such.
    """
    try:
        said = loads(body)
        executions = [readable for one in said["executions"] if (readable := _readable(one)) is not None]
        return PollResponse.model_validate({**said, "executions": executions})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unreachable(None, "undecodable answer to a poll") from None


def _readable(said: dict[str, Any]) -> Assignment | None:
    try:
        return Assignment.model_validate(said)
    except ValidationError:
        task_type = str(said.get("task", {}).get("type", "?"))[:255]
        task = {"type": "custom", "agent_task_type": task_type}
        try:
            return Assignment.model_validate({**said, "task": task})
        except ValidationError:
            return None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    if (response.content_length or 0) > MAX_ANSWER_BYTES:
        raise Unreachable(None, "the answer is too large")
    body = bytearray()
    async for chunk in response.content.iter_chunked(256 * 1024):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Unreachable(None, "the answer is too large")
    return bytes(body)


def _failure(response: aiohttp.ClientResponse, body: bytes) -> Exception:
    try:
        said = loads(body)
        code, message = str(said["code"]), str(said["error"])[:500]
    except (ValueError, KeyError, TypeError):
        code, message = "", f"HTTP {response.status} without a readable error"
    if is_retryable_status(response.status):
        after = response.headers.get("Retry-After", "")
        return Unreachable(float(after) if after.isdecimal() else None, message)
    if 300 <= response.status < 400:
        message = "the controller redirects; set its final address"
    return Refused(response.status, code, message)
