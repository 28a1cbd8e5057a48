"""What a route is: the one declaration that dispatches, validates, authorises and documents it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from tocsin_controller.security.roles import Principal, Role
from tocsin_shared.errors import NotFound, Unauthorized

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

    @property
    def caller(self) -> Principal:
        """Who asks; routes with roles always have one."""
        if self.principal is None:
            raise Unauthorized
        return self.principal

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
