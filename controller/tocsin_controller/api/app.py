"""The web application: the route table bound to its handlers."""

from importlib.metadata import version

from aiohttp import web

from tocsin_controller.api.adapter import Adapter, answer_errors, json_response
from tocsin_controller.api.handlers.agents import AgentRoutes
from tocsin_controller.api.handlers.executions import ExecutionRoutes
from tocsin_controller.api.handlers.jobs import JobRoutes
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.handlers.system import SystemRoutes
from tocsin_controller.api.limits import RateLimits
from tocsin_controller.api.openapi import document
from tocsin_controller.api.page import CSP, landing, reference
from tocsin_controller.api.table import Call, Route
from tocsin_controller.engine import Engine
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.services.jobs import JobService
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database

#: Routes bound their own bodies; this only keeps aiohttp from refusing earlier.
MAX_BODY_BYTES = 64 * 1024 * 1024


def build_app(
    db: Database, engine: Engine, settings: ControllerSettings, keyring: KeyRing
) -> web.Application:
    """The application of one controller."""
    jobs = JobService(db, engine.hints, engine.launcher, engine.canceller)
    parts = Parts(db, engine, settings, jobs, keyring)
    routes = all_routes(parts)
    limits = RateLimits(
        enabled=settings.rate_limit_enabled,
        public=settings.rate_limit_public,
        authenticated=settings.rate_limit_authenticated,
        agent=settings.rate_limit_agent,
    )
    adapter = Adapter(keyring, limits)
    app = web.Application(middlewares=[answer_errors], client_max_size=MAX_BODY_BYTES)
    for route in routes:
        app.router.add_route(route.method, route.path, adapter.bind(route))
    return app


def all_routes(parts: Parts) -> list[Route]:
    """The one table."""
    groups = (SystemRoutes(parts), JobRoutes(parts), ExecutionRoutes(parts), AgentRoutes(parts))
    routes = [route for group in groups for route in group.routes()]
    described = document(routes)
    page = reference(described)

    async def openapi(call: Call) -> web.Response:
        return json_response(described)

    async def docs(call: Call) -> web.Response:
        return _html(page)

    async def index(call: Call) -> web.Response:
        return _html(landing(version("tocsin-controller")))

    return [
        *routes,
        Route("GET", "/api/openapi.json", openapi, "This document", None, "system"),
        Route("GET", "/api/docs", docs, "This document as a page", None, "system", media_type="text/html"),
        Route("GET", "/", index, "Where to read on", None, "system", media_type="text/html"),
    ]


def _html(text: str) -> web.Response:
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="text/html", headers=headers)
