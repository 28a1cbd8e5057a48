"""Which of them a controller serves."""

from aiohttp import web

from tocsin_controller.api.admission import Admission
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.compat.chronos.routes import Chronos
from tocsin_controller.compat.dkron.routes import Dkron
from tocsin_controller.compat.health import mount_health
from tocsin_controller.compat.krafter.routes import Krafter
from tocsin_controller.compat.mcp.routes import McpServer


def mount_all(app: web.Application, admission: Admission, parts: Parts) -> None:
    """All of them. Krafter's paths lie below Chronos', so it comes first."""
    Krafter(admission, parts).mount(app)
    Chronos(admission, parts).mount(app)
    Dkron(admission, parts).mount(app)
    if parts.settings.mcp_enabled:
        McpServer(admission, parts).mount(app)
    mount_health(app, parts.db)
