"""The controller over HTTP(S)."""

from collections.abc import Set as AbstractSet
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ValidationError

from tocsin_agent.http_pool import Answer, HttpPool, HttpTrouble
from tocsin_agent.link import Refused, TooLarge, Unreachable
from tocsin_agent.pinning import trusting
from tocsin_agent.retry import is_retryable_status
from tocsin_shared.logs import log
from tocsin_shared.protocol import (
    MAX_SLOTS_PER_POLL,
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
MAX_ANSWER_BYTES = 4 * 1024 * 1024
#: An answer to a poll may be larger, by this for each execution that was asked for, up to the second figure.
MAX_ASSIGNMENT_BYTES = 2 * 1024 * 1024
MAX_POLL_ANSWER_BYTES = 64 * 1024 * 1024
#: Nor are they taken apart when they have more parts than this: in memory a part takes ten times its length.
MAX_ANSWER_PARTS = 1_000_000
CALL_TIMEOUT_SECS = 30.0
#: What a server says is shown up to here.
MAX_WHY_CHARS = 300
#: An answer without work and orders has less.
LONGEST_NOTHING_BYTES = 120
#: Added to a poll's wait for the way there and back.
POLL_MARGIN_SECS = 15.0


class HttpLink:
    """Calls one controller (or a load balancer before several). `key` speaks for the agent and may be changed."""

    def __init__(
        self, url: str, key: str, *, ca_file: str | None = None, fingerprints: AbstractSet[str] = frozenset()
    ) -> None:
        """`fingerprints`: the only certificates that are taken, besides being trusted (SHA-256, in hex)."""
        self._base = url.rstrip("/")
        self.key = key
        self._ca_file = ca_file
        self._fingerprints = fingerprints
        self._pool: HttpPool | None = None

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
        max_bytes = min(MAX_ANSWER_BYTES + request.slots * MAX_ASSIGNMENT_BYTES, MAX_POLL_ANSWER_BYTES)
        body = await self._send(f"/api/agent-queue/{agent_id}/next", request, timeout, max_bytes)
        if is_nothing(body):
            return PollResponse.model_construct(executions=[], cancel=[], stop=[])
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

    async def trust_only(self, fingerprints: AbstractSet[str]) -> None:
        """Take no certificates but these from now on (any, when there are none); calls under way end as they are."""
        self._fingerprints = fingerprints
        await self.close()

    async def close(self) -> None:
        """Close connections; the next call opens others."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _call(self, path: str, request: BaseModel, answer: type[M]) -> M:
        body = await self._send(path, request, CALL_TIMEOUT_SECS)
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            raise Unreachable(
                None, f"undecodable answer to {path} ({error.error_count()} mistakes)"
            ) from None

    async def _send(
        self, path: str, request: BaseModel, timeout_secs: float, max_bytes: int = MAX_ANSWER_BYTES
    ) -> bytes:
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",  # what is not compressed can't be a bomb
        }
        body = request.model_dump_json(exclude_none=True).encode()
        try:
            answer = await self._open().post(
                path, body, headers, timeout_secs=timeout_secs, max_bytes=max_bytes
            )
        except HttpTrouble as error:
            raise Unreachable(None, str(error)[:MAX_WHY_CHARS]) from error
        except (TimeoutError, OSError) as error:
            raise Unreachable(None, f"{type(error).__name__}: {error}"[:MAX_WHY_CHARS]) from error
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Unreachable(None, "the answer is compressed, which was not asked for")
        if sum(map(answer.body.count, (b",", b"[", b"{"))) > MAX_ANSWER_PARTS:
            raise TooLarge("the answer has too many parts")
        if answer.status != 200:
            raise _failure(answer)
        return answer.body

    def _open(self) -> HttpPool:
        if self._pool is None:
            is_tls = self._base.lower().startswith("https:")
            self._pool = HttpPool(self._base, trusting(self._ca_file, self._fingerprints) if is_tls else None)
        return self._pool


def check_url(url: str, *, allow_plain_http: bool = False) -> str | None:
    """What is wrong with a controller's address, or None.

    Without TLS everybody on the way reads the agent's key and can hand it work: only to this host itself.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        return f"'{url}' is not an address such as https://tocsin.example.org"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "the controller's address must not have a user, a query or a fragment"
    if parts.scheme == "http" and not allow_plain_http and not _is_loopback(host):
        return (
            f"'{url}' has no TLS: everybody on the way could read this agent's key and give it work. "
            "Use https://, or set allow_plain_http if the way there is protected otherwise"
        )
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_nothing(body: bytes) -> bool:
    """Whether the poll's time passed without work.

    What takes work of all types apart is then not built yet: an agent that waits for its first is the smaller for it.
    """
    try:
        said = loads(body) if len(body) < LONGEST_NOTHING_BYTES else None
    except ValueError:
        return False
    return isinstance(said, dict) and not any(said[name] for name in said.keys() - {"held_secs"})


def _readable_part(body: bytes) -> PollResponse:
    """An answer of which only a part can be read, such as a newer controller's task type.

    An assignment whose task is unreadable becomes one that no runner takes, so that it is reported as such. One of
    which less can be read is left out: to the controller it never arrived.
    """
    try:
        said = loads(body)
        offered = said["executions"]
        if not isinstance(offered, list) or len(offered) > MAX_SLOTS_PER_POLL:
            raise ValueError("no list of executions")
        executions = [readable for one in offered if (readable := _readable(one)) is not None]
        answer = PollResponse.model_validate({**said, "executions": executions})
    except (ValueError, KeyError, TypeError):
        raise Unreachable(None, "undecodable answer to a poll") from None
    if len(executions) < len(offered):
        log.error("assignments_refused", why="they can't be read", count=len(offered) - len(executions))
    return answer


def _readable(said: Any) -> Assignment | None:
    if not isinstance(said, dict):
        return None
    try:
        return Assignment.model_validate(said)
    except ValidationError:
        task = said.get("task")
        task_type = str(task.get("type", "?") if isinstance(task, dict) else "?")[:255]
        try:
            return Assignment.model_validate(
                {**said, "task": {"type": "custom", "agent_task_type": task_type}}
            )
        except ValidationError:
            return None


def _failure(answer: Answer) -> Exception:
    try:
        said = loads(answer.body)
        code, message = str(said["code"]), str(said["error"])[:500]
    except (ValueError, KeyError, TypeError):
        code, message = "", f"HTTP {answer.status} without a readable error"
    if is_retryable_status(answer.status):
        after = answer.headers.get("retry-after", "")
        return Unreachable(float(after) if after.isdecimal() else None, message)
    if 300 <= answer.status < 400:
        message = "the controller redirects; set its final address"
    return Refused(answer.status, code, message)
