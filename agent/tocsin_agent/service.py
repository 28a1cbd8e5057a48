"""The agent as a process: signals, systemd, and its end."""

import asyncio
import signal
from contextlib import suppress
from functools import partial

from tocsin_agent.daemon import Agent
from tocsin_agent.http_link import HttpLink
from tocsin_agent.offer import Offer
from tocsin_agent.policy import Policy
from tocsin_agent.policy.reloading import reload_when_told
from tocsin_agent.settings import AgentSettings
from tocsin_agent.systemd import feed_watchdog, notify
from tocsin_shared.logs import log

#: `systemctl status` shows a change of how the agent stands after at most this.
SUMMARY_EVERY_SECS = 5.0


async def serve(settings: AgentSettings, policy: Policy, offer: Offer | None = None) -> None:
    """Until stopped by a signal: the first drains or hands over, the second ends running jobs, the third at once."""
    key = settings.enrolment_key
    ca_file = str(settings.ca_file) if settings.ca_file else None
    pins = policy.fingerprints or frozenset()
    async with HttpLink(settings.controller, key or "", ca_file=ca_file, fingerprints=pins) as link:
        agent = Agent(
            link=link,
            state_dir=settings.state_dir,
            name=settings.name,
            tags=settings.tags,
            capacity=settings.capacity,
            max_batch=settings.max_batch,
            min_free_bytes=settings.min_free_bytes,
            journal_max_bytes=settings.journal_max_bytes,
            journal_max_results=settings.journal_max_results,
            enrolment_key=key,
            cgroup=settings.cgroup,
            policy=policy,
            offer=offer,
            docker_socket=settings.docker_socket,
        )
        work = asyncio.create_task(agent.run(), name="agent")
        _obey_signals(agent, work, settings)

        async def change(policy: Policy) -> None:
            await link.trust_only(policy.fingerprints or frozenset())
            agent.change_policy(policy)

        helpers = [
            asyncio.create_task(feed_watchdog()),
            asyncio.create_task(_announce(agent)),
            asyncio.create_task(reload_when_told(settings.policy_file, settings.controller, change)),
        ]
        try:
            await work
        except asyncio.CancelledError:
            log.warning("agent_ended_at_once")
        finally:
            for helper in helpers:
                helper.cancel()
                with suppress(asyncio.CancelledError):
                    await helper


async def _announce(agent: Agent) -> None:
    """Tell systemd that the agent is ready, which needs no controller, and how it stands from then on."""
    await agent.wait_until_ready()
    said = agent.summary
    notify(f"READY=1\nSTATUS={said}")
    while True:
        await asyncio.sleep(SUMMARY_EVERY_SECS)
        if agent.summary != said:
            said = agent.summary
            notify(f"STATUS={said}")


def _obey_signals(agent: Agent, work: asyncio.Task[None], settings: AgentSettings) -> None:
    received = 0

    def on_signal(*, hands_over: bool) -> None:
        nonlocal received
        received += 1
        if received == 1 and hands_over:
            notify(f"STOPPING=1\nSTATUS=Handing over {agent.running} running")
            agent.begin_hand_over(settings.drain_grace_secs)
        elif received == 1:
            notify(f"STOPPING=1\nSTATUS=Draining, {agent.running} running")
            agent.begin_drain(settings.drain_grace_secs)
        elif received == 2:
            log.warning("agent_ends_running_jobs", running=agent.running)
            agent.cancel_all()
        else:
            work.cancel()

    meanings = {
        signal.SIGTERM: settings.stop == "handover",
        signal.SIGINT: False,
        signal.SIGUSR1: True,
        signal.SIGUSR2: False,
    }
    loop = asyncio.get_running_loop()
    for number, hands_over in meanings.items():
        loop.add_signal_handler(number, partial(on_signal, hands_over=hands_over))
