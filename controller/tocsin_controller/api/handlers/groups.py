"""Routes about groups of jobs."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.groups import GroupService
from tocsin_shared.groups import GroupChanged, GroupCreate, GroupMove, GroupRename, GroupView
from tocsin_shared.jobs import DEFAULT_GROUP


class GroupRoutes:
    """Groups: read, make, rename, move jobs between them, delete."""

    def __init__(self, parts: Parts) -> None:
        self._groups = GroupService(parts.db, parts.engine.hints)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried; before those of single jobs, whose names they look like."""
        return [
            Route(
                "GET", "/api/jobs/groups", self.list, "List the groups, empty ones too", READERS, "jobs",
                response=list[str],
            ),
            Route(
                "POST", "/api/jobs/groups", self.create, "Make a group; it stays when no job is in it", WRITERS,
                "jobs", body=GroupCreate, response=GroupView, status=201,
            ),
            Route(
                "DELETE", "/api/jobs/groups/{group}", self.delete, "Delete a group: its jobs go to `Default`",
                WRITERS, "jobs", status=204,
            ),
            Route(
                "PUT", "/api/jobs/rename-group", self.rename, "Rename a group, with its jobs and pipeline runs",
                WRITERS, "jobs", body=GroupRename, response=GroupChanged,
            ),
            Route(
                "PUT", "/api/jobs/bulk-group", self.move, "Put jobs into a group", WRITERS, "jobs", body=GroupMove,
                response=GroupChanged,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        return await self._groups.names()

    async def create(self, call: Call) -> Any:
        body: GroupCreate = call.body
        await self._groups.create(body.name, call.caller)
        return {"name": body.name}

    async def delete(self, call: Call) -> None:
        await self._groups.delete(call.path["group"], call.caller)

    async def rename(self, call: Call) -> Any:
        body: GroupRename = call.body
        return {"updated": await self._groups.rename(body.old_name.strip(), body.new_name, call.caller)}

    async def move(self, call: Call) -> Any:
        body: GroupMove = call.body
        return {"updated": await self._groups.move(body.job_ids, body.group or DEFAULT_GROUP, call.caller)}
