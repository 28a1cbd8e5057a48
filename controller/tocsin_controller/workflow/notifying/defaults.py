"""What is told of jobs that do not say it themselves, remembered by each controller."""

from typing import Final

from tocsin_controller.hints import SETTINGS, Hints, woken_within
from tocsin_controller.jitter import jittered
from tocsin_controller.store.database import Database
from tocsin_controller.workflow.notifying.channels import fleet_notifications
from tocsin_shared.notifications import Told

LOOK_SECS: Final = 5.0


class FleetDefaults:
    """As they were a few seconds ago: every execution that ends asks."""

    def __init__(self, db: Database, hints: Hints) -> None:
        self._db = db
        self._hints = hints
        self.current = Told()

    async def once(self) -> None:
        """Read them: before anything that ends is recorded, or it would be told to nobody. Raises Unavailable."""
        self.current = (await fleet_notifications(self._db)).defaults

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        with self._hints.watch(SETTINGS) as woken:
            while True:
                woken.clear()
                await self.once()
                await woken_within(woken, jittered(LOOK_SECS))
