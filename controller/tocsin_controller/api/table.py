"""What a route is: the one declaration that dispatches, validates, authorises and documents it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from tocsin_controller.security.roles import Principal, Role
from tocsin_shared.errors import NotFound, Unauthorized
from tocsin_shared.wire import CLI_AGENT

#: What the layers of one request leave for each other.
REQUEST_ID: Final = web.RequestKey("request_id", str)
LIMIT_HEADERS: Final = web.RequestKey("limit_headers", dict[str, str])

#: Bytes of a body, unless a route says otherwise.
DEFAULT_BODY_BYTES = 2 * 1024 * 1024


@dataclass(slots=True)
class Call:
    """One request, after everything that is the same for all routes."""

    request: web.Request
    request_id: str
    #: Absent on public routes.
    principal: Principal | None
    path: dict[str, str]
    query: Any = None
    body: Any = None
    #: The body as it came.
    raw: bytes = b""
    #: Where a request without a key came from.
    address: str | None = None

    @property
    def caller(self) -> Principal:
        """Who asks; routes with roles always have one."""
        if self.principal is None:
            raise Unauthorized
        return self.principal

    @property
    def idempotency_key(self) -> str | None:
        """What a client sends so that repeating the request has no further effect."""
        return self.request.headers.get("Idempotency-Key")

    @property
    def is_from_cli(self) -> bool:
        """Whether the caller says that it is our command line; that is believed, and only ever recorded."""
        return self.request.headers.get("User-Agent", "").startswith(CLI_AGENT)

    def id(self, name: str) -> UUID:
        """A path parameter that is an id; one that is none names nothing."""
        try:
            return UUID(self.path[name])
        except ValueError:
            raise NotFound(f"there is nothing with the id '{self.path[name][:64]}'") from None


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """Method, path, who may, what goes in and what comes out."""

    method: str
    path: str
    handler: Handler
    summary: str
    #: None: anybody, without a key.
    roles: frozenset[Role] | None
    tag: str
    body: type[BaseModel] | None = None
    body_required: bool = True
    query: type[BaseModel] | None = None
    response: Any = None
    status: int = 200
    max_body_bytes: int = DEFAULT_BODY_BYTES
    #: Other answers worth documenting: status → sentence.
    also: dict[int, str] = field(default_factory=dict)
    media_type: str = "application/json"
    #: Counted against the address of whoever has no key. Probes of health must always get through.
    is_limited: bool = True
    #: A single-use ticket in the query stands in for a key.
    accepts_ticket: bool = False
    #: Honours the Idempotency-Key header.
    is_repeatable: bool = False
    #: A form is accepted too: the field of it whose value is the JSON body.
    form_field: str | None = None
    #: Request headers that it heeds besides: name → sentence.
    headers: dict[str, str] = field(default_factory=dict)
    #: Called by agents, thousands of times a second: parsed for speed.
    is_agents_own: bool = False

    @property
    def has_head(self) -> bool:
        """Whether HEAD is answered too: probes and browsers use it where there is something to look at."""
        return self.method == "GET" and self.roles is None
