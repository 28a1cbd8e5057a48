"""Dkron's executors with their settings, as tasks of ours, and back. Pure.

Dkron looks at an executor's settings when the job runs, not when it is saved: what can't be done is a task that fails
and says why.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tocsin_controller.api.body import check_storable
from tocsin_shared.dkron.executors import Config, Parts, read_executor
from tocsin_shared.errors import InvalidInput
from tocsin_shared.tasks import Task

_TASK: Final[TypeAdapter[Any]] = TypeAdapter(Task, config=ConfigDict(defer_build=True))
#: What counts as success where nothing is said of it: to Dkron nothing said means any status.
_WELL: Final = (*range(200, 209), 226)
#: Where settings that are called otherwise stand in a task. The first says where the server is.
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "http": {"url": "url"},
    "kafka": {"brokerAddress": "broker", "topic": "topic", "key": "key", "message": "message"},
    "nats": {
        "url": "url", "subject": "subject", "message": "message", "userName": "username", "password": "password",
    },
    "rabbitmq": {
        "url": "url", "exchange": "exchange", "queue.name": "routing_key", "message.body": "message",
        "message.content_type": "content_type",
    },
}  # fmt: skip


def read_work(name: str, executor: str, config: Config | None, connection: str | None = None) -> Parts:
    """`task`, and with it `timeout_secs`, `limits` and `output_rules`.

    `connection` is what the task uses that it is to replace: it may say where the server is.
    """
    nothing: Parts = {"timeout_secs": None, "limits": None, "output_rules": None}
    config = config or {}
    try:
        _check(executor, config)
        parts = _read_connected(executor, name, config, connection)
        check_storable(parts["task"])
        _TASK.validate_python(parts["task"])
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return nothing | {"task": _failing(f"{executor}: {field}: {first['msg']}")}
    except ValueError as error:
        return nothing | {"task": _failing(str(error))}
    except InvalidInput as error:  # JSON within JSON
        return nothing | {"task": _failing(f"{executor}: {error}")}
    return nothing | parts


def _read_connected(executor: str, name: str, config: Config, connection: str | None) -> Parts:
    if connection is None:
        return read_executor(executor, name, config)
    theirs, ours = next(iter(_WORDS.get(executor, {}).items()), ("", ""))
    is_elsewhere = bool(theirs) and not config.get(theirs)
    parts = read_executor(executor, name, {**config, theirs: "-"} if is_elsewhere else config)
    parts["task"]["connection"] = connection
    if is_elsewhere:
        parts["task"][ours] = ""
    return parts


def _failing(why: str) -> Parts:
    return {"type": "noop", "output": why, "exit_code": 1}


def _check(executor: str, config: Config) -> None:
    """Raises ValueError for what would be done otherwise than the settings say."""
    if executor == "http":
        for key in ("tlsCertificateFile", "tlsCertificateKeyFile", "tlsRootCAsFile"):
            if config.get(key):
                raise ValueError(f"http: {key}: keep certificates in a connection, and name it in the job")
        if config.get("tlsNoVerifyPeer") == "true":
            raise ValueError("http: tlsNoVerifyPeer: say so in a connection, and name it in the job")
    if executor == "rabbitmq" and config.get("queue.create") == "true":
        raise ValueError("rabbitmq: queue.create: queues are not made here; declare it at the broker")


def write_executor(job: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Executor and settings of a job that was made elsewhere: Dkron's where they are the same, else our own words."""
    task = job["task"]
    executor = str(task["type"])
    match executor:
        case "shell":
            config = _shell(task)
            if job.get("timeout_secs"):
                config["timeout"] = f"{job['timeout_secs']}s"
        case "http":
            config = _http(task)
        case "grpc":
            config = {"url": f"{task['host']}/{task['method']}", "expectCode": str(task["expect_code"])}
            config |= {key: json.dumps(task[key]) for key in ("body", "headers") if task.get(key)}
        case "kafka" | "nats" | "rabbitmq":
            return executor, {key: task[ours] for key, ours in _WORDS[executor].items() if task.get(ours)}
        case _:
            settings = {key: value for key, value in task.items() if key != "type" and value is not None}
            return executor, {
                key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()
            }
    return executor, config


def _shell(task: Mapping[str, Any]) -> dict[str, str]:
    config = {"command": task["command"], "shell": "true"}
    if task.get("env"):
        config["env"] = ",".join(f"{key}={value}" for key, value in task["env"].items())
    names = {"working_dir": "cwd", "run_as": "su"}
    return config | {theirs: task[ours] for ours, theirs in names.items() if task.get(ours)}


def _http(task: Mapping[str, Any]) -> dict[str, str]:
    config = {"method": task["method"].upper(), "url": task["url"]}
    if task.get("headers"):
        config["headers"] = json.dumps([f"{key}: {value}" for key, value in task["headers"].items()])
    if task.get("body"):
        config["body"] = task["body"]
    if task.get("expect_status") != "any":
        codes = task.get("expect_statuses") or ([task["expect_status"]] if task["expect_status"] else _WELL)
        config["expectCode"] = ",".join(str(code) for code in codes)
    return config
