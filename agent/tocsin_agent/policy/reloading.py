"""SIGHUP: the policy file is read again. A broken one changes nothing."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from tocsin_agent.policy.decisions import Policy, Refused
from tocsin_agent.policy.file import BadPolicy, read_policy
from tocsin_shared.logs import log


async def reload_when_told(
    file: Path | None, controller: str, change: Callable[[Policy], Awaitable[None]]
) -> None:
    """Until cancelled: `change` to what the file says, each time this process gets a SIGHUP.

    A policy that is wrong, or does not name the controller that this agent works for, is not taken: the one that holds
    is kept, and the log says why.
    """
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, told.set)
    while True:
        await told.wait()
        told.clear()
        try:
            policy = await asyncio.to_thread(read_policy, file)
            policy.check_controller(controller)
        except (BadPolicy, Refused) as error:
            log.error("policy_kept", why=str(error))
            continue
        await change(policy)
        log.info("policy_changed")
