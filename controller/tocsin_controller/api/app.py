"""The web application: the route table bound to its handlers."""

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from aiohttp import web

from tocsin_controller.api.adapter import Adapter, answer_errors, head_of
from tocsin_controller.api.admission import Admission
from tocsin_controller.api.endless import Endless
from tocsin_controller.api.handlers.agents import AgentRoutes
from tocsin_controller.api.handlers.as_code import AsCodeRoutes
from tocsin_controller.api.handlers.audit import AuditRoutes
from tocsin_controller.api.handlers.backfills import BackfillRoutes
from tocsin_controller.api.handlers.bulk import BulkRoutes
from tocsin_controller.api.handlers.calendars import CalendarRoutes
from tocsin_controller.api.handlers.connections import ConnectionRoutes
from tocsin_controller.api.handlers.data import DataRoutes
from tocsin_controller.api.handlers.events import EventRoutes
from tocsin_controller.api.handlers.executions import ExecutionRoutes
from tocsin_controller.api.handlers.generating import GeneratingRoutes
from tocsin_controller.api.handlers.groups import GroupRoutes
from tocsin_controller.api.handlers.jobs import JobRoutes
from tocsin_controller.api.handlers.keys import KeyRoutes
from tocsin_controller.api.handlers.mcp import McpRoutes
from tocsin_controller.api.handlers.notifications import NotificationRoutes
from tocsin_controller.api.handlers.output import OutputRoutes
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.handlers.pausing import PauseRoutes
from tocsin_controller.api.handlers.pipelines import PipelineRoutes
from tocsin_controller.api.handlers.protocol import ProtocolRoutes
from tocsin_controller.api.handlers.replays import ReplayRoutes
from tocsin_controller.api.handlers.runs import RunRoutes
from tocsin_controller.api.handlers.scripts import ScriptRoutes
from tocsin_controller.api.handlers.search import SearchRoutes
from tocsin_controller.api.handlers.set_aside import SetAsideRoutes
from tocsin_controller.api.handlers.settings import SettingsRoutes
from tocsin_controller.api.handlers.statistics import StatisticsRoutes
from tocsin_controller.api.handlers.system import SystemRoutes
from tocsin_controller.api.handlers.targets import TargetRoutes
from tocsin_controller.api.handlers.templates import TemplateRoutes
from tocsin_controller.api.handlers.upkeep import UpkeepRoutes
from tocsin_controller.api.handlers.variables import VariableRoutes
from tocsin_controller.api.handlers.versions import VersionRoutes
from tocsin_controller.api.handlers.webhooks import WebhookRoutes
from tocsin_controller.api.handlers.why import WhyRoutes
from tocsin_controller.api.limits import RateLimits
from tocsin_controller.api.openapi import document
from tocsin_controller.api.page import landing, reference
from tocsin_controller.api.page_assets import CSP
from tocsin_controller.api.peers import Peers, parse_networks
from tocsin_controller.api.table import Call, Route
from tocsin_controller.api.waiters import Waiters
from tocsin_controller.engine import Engine
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.services.approvals import ApprovalService
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.starting import RunStarter
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_shared.wire import dumps

#: Routes bound their own bodies; this only keeps aiohttp from refusing earlier.
MAX_BODY_BYTES = 64 * 1024 * 1024

#: Adds the routes of another API.
Mount = Callable[[web.Application, Admission, Parts], None]

ROUTES = web.AppKey("routes", list[Route])


def build_app(
    db: Database,
    engine: Engine,
    settings: ControllerSettings,
    keyring: KeyRing,
    facades: Iterable[Mount] = (),
) -> web.Application:
    """The application of one controller; `facades` put other APIs beside ours."""
    waiters = Waiters()
    endless = Endless(keyring, waiters)
    starter = RunStarter(db, engine.hints, engine.launcher)
    jobs = JobService(db, engine.hints, starter, engine.canceller, engine.loss_pace, engine.reach)
    approvals = ApprovalService(db, engine.hints, engine.definitions, engine.approver)
    parts = Parts(db, engine, settings, starter, jobs, approvals, keyring, waiters, endless)
    routes = all_routes(parts)
    limits = RateLimits(
        enabled=settings.rate_limit_enabled,
        public=settings.rate_limit_public,
        authenticated=settings.rate_limit_authenticated,
        agent=settings.rate_limit_agent,
    )
    admission = Admission(keyring, limits, Peers(parse_networks(settings.trusted_proxies)))
    adapter = Adapter(admission)
    app = web.Application(middlewares=[answer_errors], client_max_size=MAX_BODY_BYTES)
    app[ROUTES] = routes
    for route in routes:
        handler = adapter.bind(route)
        app.router.add_route(route.method, route.path, handler)
        if route.has_head:
            app.router.add_route("HEAD", route.path, handler)
    for mount in facades:
        mount(app, admission, parts)
    app.on_response_prepare.append(head_of)

    async def close_endless_answers(_: web.Application) -> None:
        endless.closing.set()

    app.on_shutdown.append(close_endless_answers)
    return app


def all_routes(parts: Parts) -> list[Route]:
    """The one table."""
    groups = (
        ProtocolRoutes(parts),  # first, because paths are tried in order and these come most often
        AsCodeRoutes(parts),
        PipelineRoutes(parts),
        GroupRoutes(parts),  # before jobs: `groups` is no job's name here
        JobRoutes(parts),
        BulkRoutes(parts),
        VersionRoutes(parts),
        PauseRoutes(parts),
        BackfillRoutes(parts),
        CalendarRoutes(parts),
        TemplateRoutes(parts),
        WebhookRoutes(parts),
        ReplayRoutes(parts),
        RunRoutes(parts),
        SearchRoutes(parts),  # before executions by id
        ExecutionRoutes(parts),
        OutputRoutes(parts),
        AgentRoutes(parts),
        TargetRoutes(parts),
        WhyRoutes(parts),
        EventRoutes(parts),
        SystemRoutes(parts),
        KeyRoutes(parts),
        AuditRoutes(parts),
        VariableRoutes(parts),
        ConnectionRoutes(parts),
        ScriptRoutes(parts),
        McpRoutes(parts),
        GeneratingRoutes(parts),
        SettingsRoutes(parts),
        NotificationRoutes(parts),
        StatisticsRoutes(parts),
        DataRoutes(parts),
        UpkeepRoutes(parts),
        SetAsideRoutes(parts),
    )
    routes = [route for group in groups for route in group.routes()]

    async def openapi(_: Call) -> web.Response:
        return web.Response(body=described, content_type="application/json")

    async def docs(_: Call) -> web.Response:
        return _html(page)

    async def index(_: Call) -> web.Response:
        return _html(start)

    routes += [
        Route(
            "GET", "/api/openapi.json", openapi, "This description, for programs", None, "system",
            response=dict[str, Any],
        ),
        Route("GET", "/api/docs", docs, "This description, for people", None, "system", media_type="text/html"),
        Route("GET", "/", index, "Where to read on", None, "system", media_type="text/html"),
    ]  # fmt: skip
    whole = document(routes)
    described, page, start = dumps(whole), reference(whole), landing(version("tocsin-controller"))
    return routes


def _html(text: str) -> web.Response:
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="text/html", headers=headers)
