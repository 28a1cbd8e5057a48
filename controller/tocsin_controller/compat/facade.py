"""What all of them need: their routes in the application, who may come in, and errors in their own words."""

import asyncio
import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from tocsin_controller.api.adapter import ERROR_WORDS, AiohttpHandler, ErrorWords
from tocsin_controller.api.admission import Admission, bearer
from tocsin_controller.api.body import load_json, read_body
from tocsin_controller.compat.pages import is_of_another_site
from tocsin_controller.security.roles import Principal, Role, Scope
from tocsin_controller.services.findings import invalid
from tocsin_shared.errors import Forbidden, MalformedBody, TocsinError

M = TypeVar("M", bound=BaseModel)

MAX_BODY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FacadeCall:
    """One request that was let in."""

    request: web.Request
    caller: Principal

    @property
    def path(self) -> dict[str, str]:
        """The path's parameters."""
        return dict(self.request.match_info)

    @property
    def idempotency_key(self) -> str | None:
        """What a client sends so that repeating the request has no further effect."""
        return self.request.headers.get("Idempotency-Key")

    async def json(self) -> Any:
        """The body. Raises MalformedBody, InvalidInput, BodyTooLarge."""
        return load_json(await read_body(self.request, MAX_BODY_BYTES))

    async def read(self, model: type[M]) -> M:
        """The body as that. Raises MalformedBody, InvalidInput."""
        value = await self.json()
        if not isinstance(value, dict):
            raise MalformedBody("the body must be a JSON object")
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise invalid(error, value) from None


@dataclass(frozen=True, slots=True)
class FacadeRoute:
    """Method, path, who may."""

    method: str
    path: str
    roles: frozenset[Role]
    handler: Callable[[FacadeCall], Awaitable[web.StreamResponse]]
    scopes: frozenset[Scope] = frozenset()


class Facade(ABC):
    """One API of somebody else's."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    @abstractmethod
    def routes(self) -> list[FacadeRoute]:
        """In the order in which paths are tried."""

    @abstractmethod
    def error(self, error: TocsinError, request_id: str) -> web.Response:
        """An error as its clients know it."""

    async def admit(self, request: web.Request, route: FacadeRoute) -> Principal:
        """Who asks. Raises Unauthorized, Forbidden, TooManyRequests, Unavailable."""
        key = bearer(request) or self.basic_key(request)
        return await self._admission.admit(request, route.roles, key, route.scopes)

    def basic_key(self, request: web.Request) -> str | None:
        """The key, from HTTP Basic. Raises Forbidden when a page of another site sends it.

        Browsers remember it and send it with whatever any page asks of this server, forms included.
        """
        key = basic_password(request)
        if key is not None and request.method not in ("GET", "HEAD") and self.is_stranger(request):
            raise Forbidden("pages of other sites may not use the key that a browser remembers")
        return key

    def is_stranger(self, request: web.Request) -> bool:
        """Whether a page of another site sends this."""
        return is_of_another_site(request)

    def mount(self, app: web.Application) -> None:
        """Serve it."""
        for route in self.routes():
            app.router.add_route(route.method, route.path, self._bind(route))

    def _bind(self, route: FacadeRoute) -> AiohttpHandler:
        words = ErrorWords(self.error)

        async def handle(request: web.Request) -> web.StreamResponse:
            request[ERROR_WORDS] = words
            caller = await self.admit(request, route)
            return await route.handler(FacadeCall(request, self._admission.with_address(request, caller)))

        return handle


def basic_password(request: web.Request) -> str | None:
    """The password of HTTP Basic, which is the key; the user's name says nothing."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return decoded.partition(":")[2] or None


async def pause_between(attempt: int) -> None:
    """While something is waited for: short at first, then twice a second."""
    await asyncio.sleep(min(0.02 * 1.3**attempt, 0.5))
