"""Which types of connection a task has a use for."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from tocsin_shared.tasks import FtpTask, SqlTask, Task
from tocsin_shared.tasks.fields import ConnectedTask

#: The kinds of task that can name a connection, by type.
CONNECTED: Final[dict[str, type[ConnectedTask]]] = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in get_args(get_args(Task)[0])
    if issubclass(model, ConnectedTask)
}
#: What one protocol of a task needs, where not all of its types will do.
_OF_PROTOCOL: Final = {"ftp": ("ftp",), "ftps": ("ftp",), "sftp": ("sftp", "ssh")}


def connection_of(task: object) -> str | None:
    """The name of the connection that a task names."""
    return task.connection if isinstance(task, ConnectedTask) else None


def why_unfit(task: Task | Mapping[str, Any], conn_type: str) -> str | None:
    """Why a task, or its JSON, has no use for connections of this type; None when it has."""
    fitting = _fitting(task)
    if conn_type in fitting:
        return None
    if not fitting:
        return "tasks of this type use no connection"
    return f"is a connection of type '{conn_type}', and this task needs {' or '.join(map(repr, fitting))}"


def _fitting(task: Task | Mapping[str, Any]) -> tuple[str, ...]:
    def said(name: str) -> str:
        return str(task.get(name) if isinstance(task, Mapping) else getattr(task, name))

    model = CONNECTED.get(said("type"))
    if model is None:
        return ()
    if model is SqlTask:
        return (said("driver"),)
    if model is FtpTask:
        return _OF_PROTOCOL.get(said("protocol"), ())
    return model.connection_types
