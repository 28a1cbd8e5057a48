"""What the host is, for people."""

import os
import platform
from importlib.metadata import version


def system_info() -> dict[str, object]:
    """Operating system, processors, memory, and which release runs there."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "os": platform.system().lower(),
        "os_version": platform.release(),
        "arch": platform.machine(),
        "cpus": os.cpu_count() or 1,
        "memory_mb": pages * size // (1024 * 1024),
        "agent_version": version("tocsin-agent"),
        "python": platform.python_version(),
    }
