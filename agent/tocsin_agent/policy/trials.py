"""What the policy says of trying a connection: what it would say of the tasks that use it."""

import asyncio

from tocsin_agent.policy.decisions import Policy, refused
from tocsin_agent.policy.files import check_connected_database
from tocsin_agent.policy.paths import Directories
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.tasks.fitting import CONNECTED


async def check_trial(policy: Policy, given: GivenConnection) -> None:
    """Raises Refused. The network is looked at where the connection is made."""
    users = [name for name, model in CONNECTED.items() if given.conn_type in model.connection_types]
    if policy.task_types is not None and not any(map(policy.allows_type, users)):
        raise refused(f"task_types names none that uses connections of type '{given.conn_type}'")
    if given.conn_type == "sqlite" and policy.directories != Directories():
        await asyncio.to_thread(check_connected_database, policy.directories, given)
