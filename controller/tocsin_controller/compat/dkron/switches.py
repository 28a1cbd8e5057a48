"""What Dkron's API keeps for all controllers, among the settings: whether jobs may be changed."""

from typing import Final

from tocsin_controller.security.roles import Principal
from tocsin_controller.services.fleet_settings import FleetSettings
from tocsin_controller.store.database import Database
from tocsin_controller.store.settings import stored_settings

PAUSED: Final = "dkron_paused"


async def is_paused(db: Database) -> bool:
    """Whether jobs can't be made or changed by Dkron's clients."""
    return (await stored_settings(db)).get(PAUSED) == "true"


async def set_paused(settings: FleetSettings, by: Principal, *, paused: bool) -> None:
    """Holds at once, on every controller, and over restarts."""
    await settings.change({PAUSED: "true" if paused else ""}, by)
