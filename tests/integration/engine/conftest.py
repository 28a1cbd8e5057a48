"""A whole engine on a real database, and builders for jobs and agents. No web server: calls go to the desk."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tocsin_controller.engine import Engine, build_engine
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.supervisor import supervise
from tocsin_controller.workflow.launch import Triggered
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import (
    AgentEvent,
    Assignment,
    EventsRequest,
    HeartbeatRequest,
    HeartbeatResponse,
    Held,
    PollRequest,
    PollResponse,
    Receipt,
    RegisterRequest,
    ResultEvent,
    StartedEvent,
)


@dataclass
class FakeAgent:
    """A native agent's side of the protocol, without running anything. Counts its polls as a real one does."""

    harness: "Harness"
    id: UUID
    incarnation: UUID
    seq: int = 0
    running: list[Held] = field(default_factory=list)

    async def poll(self, *, slots: int = 16, wait_secs: float = 5, seq: int | None = None) -> PollResponse:
        """The next poll; what it brings is held from now on."""
        self.seq = self.seq + 1 if seq is None else seq
        answer = await self.poll_unheard(slots=slots, wait_secs=wait_secs)
        self.running += [Held(execution_id=a.execution_id, fence=a.fence) for a in answer.executions]
        return answer

    async def poll_unheard(self, *, slots: int = 16, wait_secs: float = 5) -> PollResponse:
        """A poll whose answer is lost on the way."""
        request = PollRequest(
            incarnation=self.incarnation, seq=self.seq, wait_secs=wait_secs, slots=slots, running=self.running
        )
        return await self.harness.engine.desk.poll(self.id, request)

    async def heartbeat(self) -> HeartbeatResponse:
        """Show life, naming what is held."""
        request = HeartbeatRequest(incarnation=self.incarnation, running=self.running)
        return await self.harness.engine.desk.heartbeat(self.id, request)

    async def upload(self, *events: AgentEvent) -> list[Receipt]:
        """Report; the receipts in order."""
        answer = await self.harness.engine.desk.upload(self.id, EventsRequest(events=list(events)))
        return [r.receipt for r in answer.receipts]

    async def start(self, assignment: Assignment) -> Receipt:
        """Report a start."""
        (receipt,) = await self.upload(started(assignment))
        return receipt

    async def finish(self, assignment: Assignment, status: str = "succeeded", **more: Any) -> Receipt:
        """Report an end and, as a real agent would, forget it."""
        (receipt,) = await self.upload(result(assignment, status, **more))
        self.running = [h for h in self.running if h.execution_id != assignment.execution_id]
        return receipt


def started(assignment: Assignment) -> StartedEvent:
    return StartedEvent(type="started", execution_id=assignment.execution_id, fence=assignment.fence, seq=1)


def result(assignment: Assignment, status: str = "succeeded", **more: Any) -> ResultEvent:
    return ResultEvent.model_validate(
        {
            "type": "result",
            "execution_id": assignment.execution_id,
            "fence": assignment.fence,
            "seq": 9,
            "status": status,
            "started_age_secs": 0.5,
            "age_secs": 0.1,
            **more,
        }
    )


@dataclass
class Harness:
    """One running engine and its database."""

    engine: Engine
    db: Database
    connection: asyncpg.Connection
    admin: Principal

    async def job(self, *, next_fire_at: datetime | None = None, **definition: Any) -> UUID:
        """Store a job as the API would."""
        job = JobDefinition.model_validate(
            {
                "name": f"job-{new_id()}",
                "task": {"type": "noop"},
                "schedule": {"type": "on_demand"},
                "target": {"type": "any"},
                **definition,
            }
        )
        job_id, stored = new_id(), orjson.dumps(job.model_dump(mode="json")).decode()
        status = "scheduled"
        await self.connection.execute(
            "INSERT INTO jobs (id, name, group_name, status, version, definition) VALUES ($1, $2, $3, $4, 1, $5)",
            job_id,
            job.name,
            job.group,
            status,
            stored,
        )
        await self.connection.execute(
            "INSERT INTO job_versions (job_id, version, definition) VALUES ($1, 1, $2)", job_id, stored
        )
        for dependency in job.depends_on:
            await self.connection.execute(
                "INSERT INTO job_dependencies (job_id, parent_id, within_secs, condition) VALUES ($1, $2, $3, $4)",
                job_id,
                dependency.job_id,
                dependency.within_secs,
                dependency.condition.value,
            )
        if next_fire_at is not None:
            await self.connection.execute(
                "INSERT INTO timers (job_id, job_version, priority, next_fire_at, anchor) VALUES ($1, 1, $2, $3, $3)",
                job_id,
                job.priority,
                next_fire_at,
            )
            self.engine.hints.hint("timers")
        return job_id

    async def trigger(self, job_id: UUID) -> Triggered:
        """Run a job now."""
        async with self.db.transaction() as session:
            job = await self.engine.definitions.get(session, (job_id, 1))
            assert isinstance(job, JobDefinition)
            launched = await self.engine.launcher.trigger(session, job_id, 1, job, trigger={"type": "api"})
        self.engine.launcher.announce(launched)
        return launched

    async def agent(
        self, name: str = "a", *, types: tuple[str, ...] = ("noop", "shell"), **more: Any
    ) -> FakeAgent:
        """Register a native agent."""
        incarnation = new_id()
        request = RegisterRequest(
            name=name, task_types=list(types), protocol=1, incarnation=incarnation, capacity=16, **more
        )
        answer = await self.engine.desk.register(self.admin, request)
        return FakeAgent(self, answer.agent_id, incarnation)

    async def row(self, table: str, row_id: UUID) -> asyncpg.Record:
        """One row, whole."""
        return await self.connection.fetchrow(f"SELECT * FROM {table} WHERE id = $1", row_id)  # noqa: S608  a test names it

    async def eventually(self, question: str, *args: Any, equals: Any) -> None:
        """Wait until a query's single value is as expected."""
        value = None
        for _ in range(1_200):
            value = await self.connection.fetchval(question, *args)
            if value == equals:
                return
            await asyncio.sleep(0.025)
        raise AssertionError(f"{question} is {value!r}, not {equals!r}")


@pytest.fixture
def lease_secs() -> float:
    """How long an agent may be silent; tests in which none ever is override it."""
    return 1.0


@pytest.fixture
def settings(database_url: str, lease_secs: float) -> Callable[..., ControllerSettings]:
    """Settings with a fast cadence."""

    def make(**more: Any) -> ControllerSettings:
        fast = {"heartbeat_secs": 0.3, "lease_secs": lease_secs, "lost_grace_secs": 0.0, "retention_days": 0}
        return ControllerSettings.load(None, database_url=database_url, **{**fast, **more})

    return make


@pytest.fixture
async def harness(
    database: Database, database_url: str, settings: Callable[..., ControllerSettings]
) -> AsyncIterator[Harness]:
    """A running engine."""
    engine = build_engine(database, settings())
    await engine.maintenance.once()
    services = asyncio.create_task(supervise(engine.services))
    connection = await asyncpg.connect(database_url)
    yield Harness(engine, database, connection, Principal(new_id(), "test", Role.ADMIN))
    await connection.close()
    services.cancel()
    with suppress(asyncio.CancelledError):
        await services


def now() -> datetime:
    return datetime.now(UTC)
