"""The scripts that assignments are given: as they are stored when the work is handed out."""

from collections.abc import Sequence
from uuid import UUID

from tocsin_controller.definitions import BrokenDefinition
from tocsin_controller.security.values import Unfilled
from tocsin_controller.store.database import Queries
from tocsin_controller.store.leasing import Handed
from tocsin_controller.store.scripts import StoredScripts, given_scripts
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import GivenScript
from tocsin_shared.scripts import ScriptType
from tocsin_shared.tasks import DockerBuildTask, ScriptTask, Task


def script_of(task: Task) -> tuple[str, ScriptType] | None:
    """The script that a task runs, and the type that it must have."""
    match task:
        case ScriptTask(script_name=name):
            return name, ScriptType.STARLARK
        case DockerBuildTask(script_name=name):
            return name, ScriptType.DOCKERFILE
        case _:
            return None


async def scripts_for(
    session: Queries, works: Sequence[tuple[Handed, JobDefinition | BrokenDefinition]]
) -> dict[UUID, GivenScript | Unfilled]:
    """The scripts of those that run one, by execution; all are read in one question, and none without need."""
    wanted = [
        (work, *script)
        for work, job in works
        if isinstance(job, JobDefinition) and (script := script_of(job.task)) is not None
    ]
    if not wanted:
        return {}
    names, runs = {name for _, name, _ in wanted}, {work.run_id for work, _, _ in wanted}
    stored = await given_scripts(session, names, runs)
    return {work.execution_id: _given(stored, work, name, kind) for work, name, kind in wanted}


def _given(stored: StoredScripts, work: Handed, name: str, kind: ScriptType) -> GivenScript | Unfilled:
    script = stored.scripts.get(name)
    if script is None:
        return Unfilled(Reason.NO_SCRIPT, f"there is no script '{name}'")
    if script.script_type != kind:
        return Unfilled(Reason.NO_SCRIPT, f"the script '{name}' is {script.script_type}, not {kind}")
    params = stored.params.get(work.run_id, {})
    return GivenScript(name=name, script_type=script.script_type, code=script.code, params=params)
