"""Dkron's executors with their settings, as tasks of ours, and back. Pure.

Dkron looks at an executor's settings when the job runs, not when it is saved: what can't be done is a task that fails
and says why.
"""

import base64
import binascii
import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from tocsin_controller.compat.durations import parse_duration
from tocsin_shared.tasks import Task

#: What Dkron calls a request when nothing is said about how long it may take.
_HTTP_SECS: Final = 30
_MOST_SECS: Final = 31 * 86_400
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(BYTES|B|KB?|MB?|GB?|TB?)?", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_OPERATORS: Final = frozenset(";&|<>")
_TASK: Final[TypeAdapter[Any]] = TypeAdapter(Task)

Config = Mapping[str, str]
#: Parts of a definition.
Parts = dict[str, Any]


def read_work(name: str, executor: str, config: Config | None) -> Parts:
    """`task`, and with it `timeout_secs`, `limits` and `output_rules`."""
    nothing: Parts = {"timeout_secs": None, "limits": None, "output_rules": None}
    read = _READERS.get(executor)
    if read is None:
        why = f"executor: '{executor[:100]}' is not available here" if executor else "executor: none is given"
        return nothing | {"task": _failing(why)}
    try:
        parts = read(name, config or {})
        _TASK.validate_python(parts["task"])
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return nothing | {"task": _failing(f"{executor}: {field}: {first['msg']}")}
    except (ValueError, KeyError) as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        return nothing | {"task": _failing(f"{executor}: {why}")}
    return nothing | parts


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (size := int(float(match[1]) * _UNITS[(match[2] or "B")[0].upper()])) <= 0:
        raise ValueError(f"{text[:40]!r} is no size such as 512MB")
    return size


def _failing(why: str) -> Parts:
    return {"type": "noop", "output": why, "exit_code": 1}


def _shell(name: str, config: Config) -> Parts:
    command = config["command"]
    if config.get("shell") != "true":
        command = shlex.join(shlex.split(_before_operators(command)))
    pairs = [one.partition("=") for one in (config.get("env") or "").split(",") if one]
    parts: Parts = {
        "task": {
            "type": "shell",
            "command": command,
            "working_dir": config.get("cwd") or None,
            "env": {key: value for key, _, value in pairs} | {"ENV_JOB_NAME": name},
            "stdin": _payload(config.get("payload")),
            "run_as": (config.get("su") or "").partition(":")[0] or None,
        }
    }
    if config.get("timeout"):
        parts["timeout_secs"] = _secs(parse_duration(config["timeout"]))
    if config.get("mem_limit"):
        parts["limits"] = {"memory_max_bytes": max(parse_size(config["mem_limit"]), 1024 * 1024)}
    return parts


def _before_operators(command: str) -> str:
    """Without a shell nothing is run from the first operator on."""
    quote = ""
    escaped = False
    for at, one in enumerate(command):
        if escaped:
            escaped = False
        elif one == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if one == quote else quote
        elif one in "'\"":
            quote = one
        elif one in _OPERATORS:
            return command[:at]
    return command


def _payload(encoded: str | None) -> str | None:
    if not encoded:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValueError("payload must be text in base64") from None


def _http(_: str, config: Config) -> Parts:
    for key in ("tlsCertificateFile", "tlsCertificateKeyFile", "tlsRootCAsFile"):
        if config.get(key):
            raise ValueError(f"{key}: keep certificates in a connection, and name it in the job")
    if config.get("tlsNoVerifyPeer") == "true":
        raise ValueError("tlsNoVerifyPeer: say so in a connection, and name it in the job")
    codes = [int(code) for code in (config.get("expectCode") or "").replace(" ", "").split(",") if code]
    parts: Parts = {
        "task": {
            "type": "http",
            "method": config["method"],
            "url": config["url"],
            "headers": _headers(config.get("headers")),
            "body": config.get("body") or None,
            "expect_statuses": codes or None,
        },
        "timeout_secs": _timeout(config),
    }
    if config.get("expectBody"):
        parts["output_rules"] = {"assertions": [{"pattern": config["expectBody"]}]}
    return parts


def _headers(text: str | None) -> dict[str, str] | None:
    """`["Name: value", ...]`"""
    if not text:
        return None
    lines = json.loads(text)
    if not isinstance(lines, list) or not all(isinstance(line, str) and ":" in line for line in lines):
        raise ValueError('headers must be a list such as ["Name: value"]')
    pairs = [line.partition(":") for line in lines]
    return {key.strip(): value.strip() for key, _, value in pairs} or None


def _timeout(config: Config) -> int:
    return _secs(float(config.get("timeout") or _HTTP_SECS))


def _secs(secs: float) -> int:
    if not secs > 0:
        raise ValueError("timeout must be longer than nothing")
    return min(max(math.ceil(min(secs, _MOST_SECS)), 1), _MOST_SECS)


def _kafka(_: str, config: Config) -> Parts:
    is_tls, user = config.get("tlsEnable") == "true", config.get("saslUsername")
    settings: dict[str, str] = {}
    if is_tls or user:
        settings["security.protocol"] = f"{'SASL_' if user else ''}{'SSL' if is_tls else 'PLAINTEXT'}"
    if config.get("tlsInsecureSkipVerify") == "true":
        settings["enable.ssl.certificate.verification"] = "false"
    if user:
        mechanisms = {"sha256": "SCRAM-SHA-256", "sha512": "SCRAM-SHA-512"}
        settings["sasl.mechanism"] = mechanisms.get(config.get("saslMechanism", ""), "PLAIN")
        settings["sasl.username"], settings["sasl.password"] = user, config.get("saslPassword", "")
    return {
        "task": {
            "type": "kafka",
            "broker": config["brokerAddress"].replace(" ", ""),
            "topic": config["topic"],
            "key": config.get("key") or None,
            "message": config.get("message", ""),
            "properties": "\n".join(f"{key}={value}" for key, value in settings.items()) or None,
        }
    }


def _nats(_: str, config: Config) -> Parts:
    return {
        "task": {
            "type": "nats",
            "url": config["url"],
            "subject": config["subject"],
            "message": config.get("message", ""),
            "username": config.get("userName") or None,
            "password": config.get("password") or None,
        }
    }


def _rabbitmq(_: str, config: Config) -> Parts:
    body, encoded = config.get("message.body"), config.get("message.base64Body")
    if body and encoded:
        raise ValueError("give message.body or message.base64Body, not both")
    if config.get("queue.create") == "true":
        raise ValueError("queue.create: queues are not made here; declare it at the broker")
    return {
        "task": {
            "type": "rabbitmq",
            "url": config["url"],
            "exchange": config.get("exchange", ""),
            "routing_key": config["queue.name"],
            "message": body or _payload(encoded) or "",
            "content_type": config.get("message.content_type") or "text/plain",
        }
    }


def _grpc(_: str, config: Config) -> Parts:
    host, slash, method = config["url"].partition("/")
    if not slash:
        raise ValueError("url must be host:port/package.Service/Method")
    headers = json.loads(config["headers"]) if config.get("headers") else None
    return {
        "task": {
            "type": "grpc",
            "host": host,
            "method": method,
            "body": json.loads(config["body"]) if config.get("body") else None,
            "headers": _headers(config["headers"]) if isinstance(headers, list) else headers,
            "expect_code": int(config.get("expectCode") or 0),
        },
        "timeout_secs": _timeout(config),
    }


_READERS: Final[Mapping[str, Callable[[str, Config], Parts]]] = {
    "shell": _shell,
    "http": _http,
    "kafka": _kafka,
    "nats": _nats,
    "rabbitmq": _rabbitmq,
    "grpc": _grpc,
}


def write_executor(job: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Executor and settings of a job that was made elsewhere: Dkron's where they are the same, else our own words."""
    task = job["task"]
    if task["type"] == "shell":
        config = {"command": task["command"], "shell": "true"}
        if task.get("env"):
            config["env"] = ",".join(f"{key}={value}" for key, value in task["env"].items())
        names = {"working_dir": "cwd", "run_as": "su"}
        config |= {theirs: task[ours] for ours, theirs in names.items() if task.get(ours)}
        if job.get("timeout_secs"):
            config["timeout"] = f"{job['timeout_secs']}s"
        return "shell", config
    if task["type"] == "http":
        config = {"method": task["method"].upper(), "url": task["url"]}
        if task.get("headers"):
            config["headers"] = json.dumps([f"{key}: {value}" for key, value in task["headers"].items()])
        if task.get("body"):
            config["body"] = task["body"]
        codes = task.get("expect_statuses") or [code for code in [task.get("expect_status")] if code]
        if codes:
            config["expectCode"] = ",".join(str(code) for code in codes)
        return "http", config
    settings = {key: value for key, value in task.items() if key != "type" and value is not None}
    return task["type"], {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()
    }
