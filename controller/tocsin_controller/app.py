"""The composition root: builds the parts of one controller and runs them."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tocsin_agent.daemon import Agent
from tocsin_agent.policy import Policy
from tocsin_controller.api.app import build_app
from tocsin_controller.compat.dkron.ephemeral import Ephemeral
from tocsin_controller.compat.mounting import mount_all
from tocsin_controller.engine import Engine, build_engine
from tocsin_controller.local import LocalLink, node_name
from tocsin_controller.local_agent import LocalAgent
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.starting import RunStarter
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.supervisor import supervise
from tocsin_shared.logs import log

#: A server that froze is given up a little later than this, and another host of the DSN is asked.
STATEMENT_TIMEOUT_SECS = 5.0
LOCK_TIMEOUT_SECS = 2.0


@dataclass(frozen=True, slots=True)
class RunningController:
    """A controller that serves."""

    url: str
    engine: Engine
    db: Database


@asynccontextmanager
async def running_controller(settings: ControllerSettings) -> AsyncIterator[RunningController]:
    """A whole controller on a migrated database, for as long as the block lasts.

    Raises Unavailable when the database can't be reached at the start, OSError when the port is taken,
    EncryptionKeyError when the encryption keys are not those of the database.
    """
    db = await Database.open(
        settings.dsn,
        application_name="tocsin-controller",
        max_size=settings.database_pool_size,
        statement_timeout_secs=STATEMENT_TIMEOUT_SECS,
        lock_timeout_secs=LOCK_TIMEOUT_SECS,
    )
    try:
        if settings.dkron_open:
            log.warning("dkron_api_is_open", role=settings.dkron_open_role, path="/v1")
        engine = build_engine(db, settings)
        await check_keys(db, engine.vault)
        keyring = KeyRing(db)
        keyring.watch(engine.hints.subscribe)
        engine.services["keyring"] = keyring.run
        starter = RunStarter(db, engine.hints, engine.launcher)
        jobs = JobService(db, engine.hints, starter, engine.canceller, engine.loss_pace, engine.reach)
        engine.services["dkron_ephemeral"] = Ephemeral(db, jobs).run
        await engine.maintenance.once()
        await engine.defaults.once()
        async with _background(engine, settings):
            app = build_app(db, engine, settings, keyring, [mount_all])
            app.on_shutdown.append(_send_agents_away(engine))
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
            await runner.setup()
            try:
                yield RunningController(await _listen(runner, settings), engine, db)
            finally:
                await runner.cleanup()
    finally:
        await db.close()


def _send_agents_away(engine: Engine) -> Callable[[web.Application], Awaitable[None]]:
    async def on_shutdown(_: web.Application) -> None:
        engine.desk.send_away()

    return on_shutdown


@asynccontextmanager
async def _background(engine: Engine, settings: ControllerSettings) -> AsyncIterator[None]:
    """The services, and the agent for `local` work, which is drained before the services stop."""
    services = asyncio.create_task(supervise(engine.services), name="services")
    try:
        async with _local_agent(engine, settings):
            yield
    finally:
        services.cancel()
        with suppress(asyncio.CancelledError):
            await services


@asynccontextmanager
async def _local_agent(engine: Engine, settings: ControllerSettings) -> AsyncIterator[None]:
    if settings.local_capacity == 0:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="tocsin-local-") as scratch:

        def make() -> Agent:
            return Agent(
                link=LocalLink(engine.desk),
                state_dir=settings.state_dir or Path(scratch),
                name=node_name(settings),
                capacity=settings.local_capacity,
                # Without a directory of its own nobody would find its jobs again.
                is_leashed=settings.state_dir is None,
                policy=Policy(reach=engine.reach),
            )

        agent = LocalAgent(make)
        task = asyncio.create_task(agent.run(), name="local-agent")
        try:
            yield
        finally:
            await agent.drain(grace_secs=5.0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _listen(runner: web.AppRunner, settings: ControllerSettings) -> str:
    """Open the port; the address to reach it at."""
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(settings.tls_cert, settings.tls_key)
    site = web.TCPSite(runner, settings.host, settings.port, ssl_context=tls, backlog=4096)
    await site.start()
    host, port = runner.addresses[0][:2]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  compared, not bound
    return f"{'https' if tls else 'http'}://{shown}:{port}"
