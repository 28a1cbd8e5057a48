"""What Dkron's executors do, as tasks."""

import base64
import binascii
import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from tocsin_cli.importing.converted import Json
from tocsin_cli.importing.go_durations import to_secs

_SIZE: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:B|BYTES)?\s*", re.IGNORECASE)
_LEAST_MEMORY_BYTES: Final = 1024 * 1024
_REFERENCE: Final = re.compile(r"\{\{(?:params\.)?[A-Za-z0-9_]+\}\}")
_CERTIFICATES: Final = ("tlsNoVerifyPeer", "tlsCertificateFile", "tlsCertificateKeyFile", "tlsRootCAsFile")


class NoTask(ValueError):
    """There is no task that does this; says why."""


Config = Mapping[str, str]
Notes = list[str]


def read_executor(executor: str, config: Config, job: str) -> tuple[Json, Notes]:
    """The parts of a job that come from its executor: `task` and what goes with it. Raises ValueError."""
    reader = _READERS.get(executor)
    if reader is None:
        raise NoTask(
            f"there is no counterpart of the executor '{executor}'" if executor else "it has no executor"
        )
    notes: Notes = []
    parts = reader(config, job, notes)
    if _REFERENCE.search(json.dumps(parts["task"])):
        notes.append("{{...}} in it means a variable or param here")
    return parts, notes


def _shell(config: Config, job: str, notes: Notes) -> Json:
    command = _needed(config, "command")
    task: Json = {
        "type": "shell",
        "command": command if config.get("shell") == "true" else _words(command, notes),
    }
    if config.get("cwd"):
        task["working_dir"] = config["cwd"]
    pairs = [one.partition("=") for one in config.get("env", "").split(",") if one]
    task["env"] = {"ENV_JOB_NAME": job} | {name.strip(): value for name, equals, value in pairs if equals}
    if payload := config.get("payload"):
        task["stdin"] = _decoded(payload, "its payload")
    parts: Json = {"task": task}
    if su := config.get("su"):
        user, _, group = su.partition(":")
        parts["run_as"] = user
        if group:
            notes.append(f"runs with the groups of {user}, not with the group {group}")
    if timeout := config.get("timeout"):
        parts["timeout_secs"] = max(1, math.ceil(to_secs(timeout)))
    if limit := config.get("mem_limit"):
        parts["limits"] = {"memory_max_bytes": max(_bytes(limit), _LEAST_MEMORY_BYTES)}
        if _bytes(limit) < _LEAST_MEMORY_BYTES:
            notes.append("may use 1 MiB of memory, the least there is")
    return parts


def _words(command: str, notes: Notes) -> str:
    """Words without a shell: nothing in them is special, and from the first operator on all was dropped."""
    end = _first_operator(command)
    used = command[:end]
    if end < len(command):
        if command[end] == ">":
            used = re.sub(r"[0-9]\S*$", "", used)
        notes.append(f"Dkron ran it without a shell and dropped '{command[end:][:80]}'; that is left out")
    words = shlex.split(used)
    if not words:
        raise NoTask("its command is empty")
    return shlex.join(words)


def _first_operator(text: str) -> int:
    quote, is_escaped = "", False
    for position, char in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif char == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in ";&|<>":
            return position
    return len(text)


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"mem_limit '{text}' is no size")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _http(config: Config, _: str, notes: Notes) -> Json:
    task: Json = {"type": "http", "method": _needed(config, "method").lower(), "url": _needed(config, "url")}
    if headers := _headers(config, notes):
        task["headers"] = headers
    if config.get("body"):
        task["body"] = config["body"]
    codes = [int(code) for code in re.findall(r"[0-9]+", config.get("expectCode", ""))]
    if codes:
        task["expect_statuses"] = list(dict.fromkeys(codes))
    else:
        notes.append("succeeds with a status of 2xx only; Dkron took any, as it had no expectCode")
    parts: Json = {"task": task, **_timeout(config)}
    if config.get("expectBody"):
        parts["output_rules"] = {"assertions": [{"pattern": config["expectBody"]}]}
    if given := [key for key in _CERTIFICATES if config.get(key)]:
        notes.append(
            f"{', '.join(given)} do not come along: a connection of type http says how TLS is checked"
        )
    return parts


def _headers(config: Config, notes: Notes) -> dict[str, str]:
    if not config.get("headers"):
        return {}
    listed = json.loads(config["headers"])
    if not isinstance(listed, list) or not all(isinstance(one, str) and ":" in one for one in listed):
        raise ValueError("headers must be a JSON array of 'Name: value'")
    found: dict[str, str] = {}
    for one in listed:
        name, _, value = one.partition(":")
        found[name.strip()] = value.strip()
        if ":" in value:
            notes.append(f"sends the header {name.strip()} whole; Dkron cut its value at the second colon")
    return found


def _timeout(config: Config) -> Json:
    return {"timeout_secs": max(1, int(config["timeout"]))} if config.get("timeout") else {}


def _kafka(config: Config, _: str, notes: Notes) -> Json:
    task: Json = {
        "type": "kafka",
        "broker": _needed(config, "brokerAddress").replace(" ", ""),
        "topic": _needed(config, "topic"),
        "message": config.get("message", ""),
    }
    if config.get("key"):
        task["key"] = config["key"]
    is_tls, user = config.get("tlsEnable") == "true", config.get("saslUsername")
    properties: list[str] = []
    if is_tls or user:
        properties.append(f"security.protocol={'SASL_' if user else ''}{'SSL' if is_tls else 'PLAINTEXT'}")
    if config.get("tlsInsecureSkipVerify") == "true":
        properties.append("enable.ssl.certificate.verification=false")
    if user:
        mechanism = {"sha256": "SCRAM-SHA-256", "sha512": "SCRAM-SHA-512"}.get(
            config.get("saslMechanism", ""), "PLAIN"
        )
        properties += [
            f"sasl.mechanism={mechanism}",
            f"sasl.username={user}",
            f"sasl.password={config.get('saslPassword', '')}",
        ]
        _tell_password(notes, "kafka")
    if properties:
        task["properties"] = "\n".join(properties)
    return {"task": task}


def _nats(config: Config, _: str, notes: Notes) -> Json:
    task: Json = {
        "type": "nats",
        "url": _needed(config, "url"),
        "subject": _needed(config, "subject"),
        "message": config.get("message", ""),
    }
    if config.get("userName"):
        task |= {"username": config["userName"], "password": config.get("password", "")}
        _tell_password(notes, "nats")
    return {"task": task}


def _rabbitmq(config: Config, _: str, notes: Notes) -> Json:
    if config.get("message.body") and config.get("message.base64Body"):
        raise NoTask("it has both message.body and message.base64Body, which Dkron refuses too")
    message = config.get("message.body") or _decoded(config.get("message.base64Body", ""), "its message")
    if config.get("queue.create") == "true":
        notes.append("does not make its queue: it must be there")
    if left := [key for key in ("message.delivery_mode", "message.messageId") if config.get(key, "0") != "0"]:
        notes.append(f"{' and '.join(left)} do not come along")
    task = {
        "type": "rabbitmq",
        "url": _needed(config, "url"),
        "exchange": config.get("exchange", ""),
        "routing_key": _needed(config, "queue.name"),
        "message": message,
        "content_type": config.get("message.content_type") or "text/plain",
    }
    return {"task": task}


def _grpc(config: Config, _: str, notes: Notes) -> Json:
    host, _slash, method = _needed(config, "url").partition("/")
    task: Json = {"type": "grpc", "host": host, "method": method}
    if config.get("body"):
        task["body"] = json.loads(config["body"])
    if headers := _headers(config, notes):
        task["headers"] = headers
    if config.get("expectCode"):
        task["expect_code"] = int(config["expectCode"].split(",")[0])
        if "," in config["expectCode"]:
            notes.append(
                f"succeeds with the status {task['expect_code']} only, not with the others that were listed"
            )
    return {"task": task, **_timeout(config)}


def _needed(config: Config, key: str) -> str:
    if not config.get(key):
        raise NoTask(f"its executor has no {key}")
    return config[key]


def _decoded(text: str, what: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise NoTask(f"{what} is no text in base64") from None


def _tell_password(notes: Notes, kind: str) -> None:
    notes.append(
        f"its password stands in the job, where all readers see it: a connection of type {kind} hides it"
    )


_READERS: Final[Mapping[str, Callable[[Config, str, Notes], Json]]] = {
    "shell": _shell,
    "http": _http,
    "kafka": _kafka,
    "nats": _nats,
    "rabbitmq": _rabbitmq,
    "grpc": _grpc,
}


def config_of(value: Any) -> Config:
    """An executor's configuration; its values are texts. Raises ValueError."""
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("executor_config must hold texts only")
    return value
