"""An agent that has nothing to do has none of its drivers in memory."""

import subprocess
import sys

#: What the drivers of all extras are imported as.
DRIVERS = {
    "aio_pika",
    "aiobotocore",
    "aiodocker",
    "aioftp",
    "aiokafka",
    "aiomqtt",
    "aiosmtplib",
    "aiosqlite",
    "asyncmy",
    "asyncpg",
    "asyncssh",
    "grpc",
    "nats",
    "pymongo",
    "re2",
    "redis",
    "starlark",
}

#: Large, and no part of waiting for work.
LIBRARIES = {"aiohttp", "attr", "cryptography", "psutil", "rich"}

PROGRAM = """
import sys
import tocsin_agent.cli, tocsin_agent.service
from tocsin_agent.tasks.registry import TaskRegistry
print(*sorted(TaskRegistry().available()))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_the_program_and_its_list_of_types_load_no_driver() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout
    offered, loaded = (set(line.split()) for line in said.splitlines())
    assert {"shell", "redis", "rabbitmq"} <= offered
    assert loaded & (DRIVERS | LIBRARIES) == set()
