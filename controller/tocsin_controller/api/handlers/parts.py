"""What handlers work with."""

from dataclasses import dataclass

from tocsin_controller.engine import Engine
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.services.jobs import JobService
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one controller."""

    db: Database
    engine: Engine
    settings: ControllerSettings
    jobs: JobService
    keyring: KeyRing
