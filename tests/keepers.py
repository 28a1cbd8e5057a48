"""Jobs outlive their agents; they must not outlive a test."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from tocsin_agent.journal.journal import OUTPUT_DIR
from tocsin_agent.runtime.adoption import living_keepers
from tocsin_agent.runtime.family import kill_family


def end_keepers(state_dir: Path) -> None:
    """Kill what the agents with this state directory left running."""
    keepers = living_keepers(state_dir / "journal" / OUTPUT_DIR).here
    for execution_id, pid in keepers.items():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        kill_family(str(execution_id), 0)
