"""The controller itself."""

from typing import Literal

from tocsin_shared.views.base import View


class DatabaseHealth(View):
    """Whether the database answers."""

    ok: bool
    size_bytes: int | None = None
    pool_size: int | None = None


class HealthView(View):
    """How the controller is."""

    status: Literal["ok", "degraded"]
    version: str
    db: DatabaseHealth


class ConfigView(View):
    """What clients may show."""

    demo_mode: bool
    ai_enabled: bool


class VacuumView(View):
    """What a vacuum did."""

    status: str
    #: Bytes of the database before and after.
    size_before: int
    size_after: int
    elapsed_ms: int
