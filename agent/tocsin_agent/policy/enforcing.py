"""The policy, applied to one task before anything of it starts."""

import asyncio
import os
import pwd
from functools import cache
from typing import Final

from tocsin_agent.network import AddressRefused, NoAddress, check_host
from tocsin_agent.policy.decisions import Policy, Refused
from tocsin_agent.policy.files import with_checked_paths
from tocsin_agent.policy.paths import Directories
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import FilePushTask, FtpTask, S3Task, ShellTask

#: What is done on this host as the account of the job.
_AS_AN_ACCOUNT: Final = (ShellTask, FilePushTask, FtpTask, S3Task)


async def permitted(policy: Policy, assignment: Assignment) -> Assignment:
    """The assignment as it may be run. Raises Refused."""
    task = assignment.task
    policy.check_type(task.type)
    if isinstance(task, _AS_AN_ACCOUNT) and policy.run_as is not None:
        account = getattr(task, "run_as", None) or assignment.run_as
        policy.check_account(await asyncio.to_thread(own_account) if account is None else account)
    if not policy.reach.is_unlimited:
        await _check_servers(policy, assignment)
    if policy.directories != Directories():
        checked = await asyncio.to_thread(with_checked_paths, policy.directories, assignment)
        return assignment.model_copy(update={"task": checked})
    return assignment


async def _check_servers(policy: Policy, assignment: Assignment) -> None:
    # Knows all types of connection; most agents have no rule that asks for it.
    from tocsin_agent.policy.servers import Unreadable, servers_of

    try:
        for host, port in servers_of(assignment):
            await check_host(policy.reach, host, port)
    except (AddressRefused, Unreadable) as error:
        raise Refused(str(error), Reason.ADDRESS_REFUSED) from None
    except NoAddress as error:
        # Not left to the driver, which might understand the name in another way.
        raise Refused(str(error), Reason.CONNECT_FAILED) from None


@cache
def own_account() -> str:
    """The account of the agent, under which everything runs that names none."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
