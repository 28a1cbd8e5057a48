"""Pages of other sites that may use Dkron's API: those whose origins the operator allows, and no others (CORS)."""

from collections.abc import Collection
from typing import Final

from aiohttp import web

from tocsin_controller.compat.pages import is_of_another_site

_METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
_HEADERS: Final = "Authorization, Content-Type, X-Dkron-Token"
#: What programs of such a page may read besides the body.
_EXPOSED: Final = "X-Total-Count, X-Whom, Location"
_PREFLIGHT_SECS: Final = 12 * 3_600


class Origins:
    """Who may. Without any, nothing is answered that was not before."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(allowed)

    def mount(self, app: web.Application) -> None:
        """Answer what browsers ask beforehand, and mark all answers."""
        if not self._allowed:
            return
        for path in ("/v1", "/v1/{rest:.*}"):
            app.router.add_route("OPTIONS", path, self._preflight)
        app.on_response_prepare.append(self._mark)

    def is_stranger(self, request: web.Request) -> bool:
        """Whether a page of a site that is not allowed sends this."""
        return is_of_another_site(request, self._allowed)

    async def _preflight(self, request: web.Request) -> web.Response:
        """Needs no key, as browsers send none with it; `_mark` says whether this page may."""
        if request.headers.get("Origin") not in self._allowed:
            return web.Response(status=403)
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _HEADERS,
                "Access-Control-Max-Age": str(_PREFLIGHT_SECS),
            },
        )

    async def _mark(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.path != "/v1" and not request.path.startswith("/v1/"):
            return
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is not None and origin in self._allowed:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
