"""Controllers and agents as the members of a cluster."""

from importlib.metadata import version
from typing import Any, Final
from uuid import uuid4

from tocsin_controller.local import node_name
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.roster import candidates

_ALIVE: Final = 1
_FAILED: Final = 4
_STATUS: Final = {_ALIVE: "alive", _FAILED: "failed"}
_PROTOCOL: Final = {
    "ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4,
}  # fmt: skip


class Cluster:
    """Who there is."""

    def __init__(self, db: Database, settings: ControllerSettings) -> None:
        self._db = db
        self._port = settings.port
        self.name = node_name(settings)

    async def members(self) -> list[dict[str, Any]]:
        """This controller, the others that run jobs, and the agents."""
        rows = await candidates(self._db)
        return [self.leader(), *[self._member(row) for row in rows if row["name"] != self.name]]

    def leader(self) -> dict[str, Any]:
        """Every controller fires what is due: whichever is asked leads."""
        return _shown(self.name, _tags(is_server=True), _ALIVE, self._port)

    async def status(self) -> dict[str, Any]:
        """What Dkron's agents say of themselves."""
        members = await self.members()
        failed = sum(member["Status"] == _FAILED for member in members)
        counts = {"members": len(members), "failed": failed, "left": 0, "health_score": 0}
        clocks = ("member_time", "event_time", "query_time", "intent_queue", "event_queue", "query_queue")
        return {
            "agent": {"name": self.name, "version": version("tocsin-controller")},
            "serf": {
                **{key: str(value) for key, value in counts.items()},
                **dict.fromkeys(clocks, "0"),
                "encrypted": "false",
            },
            "tags": _tags(is_server=True),
        }

    def _member(self, row: Record) -> dict[str, Any]:
        tags = _tags(is_server=row["agent_type"] == "local")
        for tag in row["tags"]:
            key, sign, value = tag.partition("=")
            tags[key] = value if sign else "true"
        return _shown(row["name"], tags, _ALIVE if row["status"] != "offline" else _FAILED, 0)


def listed(member: dict[str, Any]) -> dict[str, Any]:
    """A member as the list of all shows it: its id is another one each time."""
    return {**member, "id": str(uuid4()), "statusText": _STATUS[member["Status"]]}


def _shown(name: str, tags: dict[str, str], status: int, port: int) -> dict[str, Any]:
    return {"Name": name, "Addr": "127.0.0.1", "Port": port, "Tags": tags, "Status": status, **_PROTOCOL}


def _tags(*, is_server: bool) -> dict[str, str]:
    tags = {"role": "dkron", "dc": "dc1", "region": "global", "version": version("tocsin-controller")}
    return {**tags, "server": "true"} if is_server else tags
