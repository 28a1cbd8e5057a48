"""The tools: what each takes, who may call it, and what it answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.security.roles import READERS, WRITERS, Principal, Role
from tocsin_controller.services.groups import GroupService
from tocsin_controller.services.searching import search_executions
from tocsin_controller.services.show import show_agent, show_event, show_execution, show_job
from tocsin_controller.services.statistics import Statistics
from tocsin_controller.store import history
from tocsin_controller.store.events import list_events
from tocsin_controller.store.history import ExecutionFilter, Slice
from tocsin_controller.store.jobs import job_row, list_jobs
from tocsin_controller.store.output import output_tails
from tocsin_controller.store.roster import list_agents
from tocsin_shared.errors import InvalidInput, NotFound
from tocsin_shared.executions import STREAM_NUMBERS, ExecutionStatus
from tocsin_shared.jobs import AnyJobStatus, JobCreate, TriggerRequest
from tocsin_shared.wire import Text, dumps

#: Bytes of the end of what an execution printed: in a list, and alone.
EXCERPT_BYTES: Final = 200
OUTPUT_BYTES: Final = 20_000
#: Matches that are counted.
_COUNTED: Final = 10_000

Limit = Annotated[int, Field(ge=1, le=100, description="At most so many.")]


class Arguments(BaseModel):
    """The base: other arguments are refused by name."""

    model_config = ConfigDict(extra="forbid")


class NoArguments(Arguments):
    """Nothing."""


class JobsWanted(Arguments):
    """Which jobs."""

    group: Text | None = Field(None, description="Only of this group.")
    status: AnyJobStatus | None = Field(None, description="scheduled, paused or unscheduled.")
    search: Text | None = Field(None, max_length=500, description="Found in the name or the task.")
    limit: Limit = 20


class OneJob(Arguments):
    """A job by its name or its id."""

    name: Text | None = Field(None, max_length=255)
    id: Text | None = Field(None, max_length=64)

    @property
    def ref(self) -> str:
        """Raises InvalidInput when it names nothing."""
        if not (found := self.id or self.name):
            raise InvalidInput.field("name", "give the job's name or its id")
        return found


class JobToMake(BaseModel):
    """A job; what is not described here is taken as POST /api/jobs takes it."""

    model_config = ConfigDict(extra="allow")

    name: Text = Field(max_length=255)
    task: dict[str, Any] = Field(description='Such as {"type": "shell", "command": "echo hello"}.')
    schedule: dict[str, Any] = Field(
        description='Such as {"type": "cron", "value": "0 0 6 * * *"} (with seconds) or {"type": "on_demand"}.'
    )
    group: Text | None = None
    description: Text | None = None
    timeout_secs: int | None = None


class ExecutionsWanted(Arguments):
    """Which executions."""

    status: ExecutionStatus | None = Field(None, description="Only those that ended, or stand, so.")
    limit: Limit = 20


class OneExecution(Arguments):
    """An execution by its id."""

    id: UUID


class EventsWanted(Arguments):
    """How many events."""

    limit: Limit = 20


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be called."""

    name: str
    description: str
    roles: frozenset[Role]
    arguments: type[BaseModel]
    #: A text is said as it is, everything else as JSON.
    call: Callable[[Any, Principal], Awaitable[Any]]

    def described(self) -> dict[str, Any]:
        """As clients list it."""
        schema = self.arguments.model_json_schema()
        return {"name": self.name, "description": self.description, "inputSchema": schema}


class Tools:
    """All of them."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._jobs = parts.jobs
        self._groups = GroupService(parts.db, parts.engine.hints)
        self._statistics = Statistics(parts.db)
        tools = (
            Tool("list_jobs", "List jobs by name", READERS, JobsWanted, self.list_jobs),
            Tool("get_job", "Read a job by name or id", READERS, OneJob, self.get_job),
            Tool("create_job", "Make a job", WRITERS, JobToMake, self.create_job),
            Tool("trigger_job", "Run a job now", WRITERS, OneJob, self.trigger_job),
            Tool("list_executions", "List executions, newest first", READERS, ExecutionsWanted, self.list_executions),
            Tool("get_execution", "Read how an execution ended and the end of what it printed", READERS, OneExecution,
                 self.get_execution),
            Tool("list_agents", "List agents", READERS, NoArguments, self.list_agents),
            Tool("list_groups", "List groups of jobs", READERS, NoArguments, self.list_groups),
            Tool("list_events", "List what happened, newest first", READERS, EventsWanted, self.list_events),
            Tool("get_system_stats", "Count jobs, agents, groups and how executions ended", READERS, NoArguments,
                 self.get_system_stats),
        )  # fmt: skip
        self.by_name: Final = {tool.name: tool for tool in tools}

    async def list_jobs(self, wanted: JobsWanted, by: Principal) -> Any:
        status = wanted.status.value if wanted.status else None
        page = await list_jobs(
            self._db,
            status=status,
            group=wanted.group,
            search=wanted.search,
            after=None,
            offset=0,
            limit=wanted.limit,
            cap=_COUNTED,
        )
        keys = ("id", "name", "status", "group", "schedule", "next_fire_time")
        return [{key: shown[key] for key in keys} for shown in (show_job(row, None) for row in page.rows)]

    async def get_job(self, wanted: OneJob, by: Principal) -> Any:
        row = await job_row(self._db, self._jobs.ref(wanted.ref))
        if row is None:
            raise NotFound(f"there is no job '{wanted.ref[:100]}'")
        return show_job(row, None)

    async def create_job(self, wanted: JobToMake, by: Principal) -> str:
        job = JobCreate.model_validate(wanted.model_dump(exclude_unset=True))
        job_id = await self._jobs.create(job, by)
        return f"Job '{job.name}' was created with the id {job_id}."

    async def trigger_job(self, wanted: OneJob, by: Principal) -> str:
        answer = await self._jobs.trigger(wanted.ref, TriggerRequest(), by)
        ids = ", ".join(answer["execution_ids"])
        return f"{answer['message']}: run {answer['run_id']}" + (f", executions {ids}" if ids else "")

    async def list_executions(self, wanted: ExecutionsWanted, by: Principal) -> Any:
        only = ExecutionFilter(status=wanted.status.value if wanted.status else None)
        page = await search_executions(self._db, only, since=None, before=None, part=Slice(0, wanted.limit))
        tails = await output_tails(self._db, page.ids, EXCERPT_BYTES)
        keys = ("id", "job_id", "job_name", "status", "exit_code", "started_at", "finished_at")
        return [
            {key: row[key] for key in keys} | {"stdout_excerpt": _text(tails.get((row["id"], 1), b""))}
            for row in await history.executions_shown(self._db, page.ids)
        ]

    async def get_execution(self, wanted: OneExecution, by: Principal) -> Any:
        row = await history.execution(self._db, wanted.id)
        if row is None:
            raise NotFound(f"there is no execution {wanted.id}")
        tails = await output_tails(self._db, [wanted.id], OUTPUT_BYTES)
        printed = {
            stream.value: _text(tails.get((wanted.id, number), b""))
            for stream, number in STREAM_NUMBERS.items()
        }
        return show_execution(row) | printed

    async def list_agents(self, wanted: NoArguments, by: Principal) -> Any:
        return [show_agent(row) for row in await list_agents(self._db)]

    async def list_groups(self, wanted: NoArguments, by: Principal) -> Any:
        return await self._groups.names()

    async def list_events(self, wanted: EventsWanted, by: Principal) -> Any:
        page = await list_events(
            self._db, since=None, before=None, offset=0, limit=wanted.limit, cap=_COUNTED
        )
        keys = ("kind", "severity", "message", "timestamp")
        return [{key: shown[key] for key in keys} for shown in map(show_event, page.rows)]

    async def get_system_stats(self, wanted: NoArguments, by: Principal) -> Any:
        agents = await list_agents(self._db)
        charts = await self._statistics.charts()
        return {
            "total_jobs": sum(charts["task_types"].values()),
            "total_agents": len(agents),
            "online_agents": sum(row["status"] == "online" for row in agents),
            "total_groups": len(await self._groups.names()),
            "execution_outcomes": charts["execution_outcomes"],
        }


def said(value: Any) -> str:
    """What a tool answered, for people and models."""
    return value if isinstance(value, str) else dumps(value).decode()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
