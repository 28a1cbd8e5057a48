"""What Dkron's executors do with their settings, as tasks of ours. Pure."""

import base64
import binascii
import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from tocsin_shared.go_durations import parse_duration

#: How long a request may take about which nothing is said.
_HTTP_SECS: Final = 30
_MOST_SECS: Final = 31 * 86_400
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(BYTES|B|KB?|MB?|GB?|TB?)?", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_OPERATORS: Final = frozenset(";&|<>")
#: The ways in which Go writes a true flag.
TRUE: Final = frozenset({"1", "t", "T", "true", "True", "TRUE"})

#: The least memory to which a task can be held.
LEAST_MEMORY_BYTES: Final = 1024 * 1024

Config = Mapping[str, str]
#: Parts of a job.
Parts = dict[str, Any]


def read_executor(executor: str, job: str, config: Config) -> Parts:
    """`task`, and what is said of `timeout_secs`, `limits` and `output_rules`. Raises ValueError."""
    read = _READERS.get(executor)
    if read is None:
        what = f"'{executor[:100]}' is not available here" if executor else "none is given"
        raise ValueError(f"executor: {what}")
    try:
        parts = read(job, config)
    except RecursionError:
        raise ValueError(f"{executor}: its settings nest too deeply") from None
    except ValueError as error:
        raise ValueError(f"{executor}: {error}") from None
    parts["task"] = {key: value for key, value in parts["task"].items() if value is not None}
    return parts


def split_words(command: str) -> tuple[list[str], str]:
    """The words of a command without a shell, and the rest that Dkron drops: from the first operator on.

    Raises ValueError.
    """
    end = _first_operator(command)
    words = shlex.split(command[:end])
    # The word before a redirection goes with it when it begins with a digit, as in `2>/dev/null`.
    if (
        command[end : end + 1] == ">"
        and words
        and words[-1][:1] in set("0123456789")
        and not command[end - 1].isspace()
    ):
        words.pop()
    return words, command[end:]


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (size := int(float(match[1]) * _UNITS[(match[2] or "B")[0].upper()])) <= 0:
        raise ValueError(f"{text[:40]!r} is no size such as 512MB")
    return size


def _shell(job: str, config: Config) -> Parts:
    command = _needed(config, "command")
    if config.get("shell") not in TRUE:
        words, _ = split_words(command)
        if not words:
            raise ValueError("command is empty")
        command = shlex.join(words)
    pairs = [one.partition("=") for one in (config.get("env") or "").split(",")]
    parts: Parts = {
        "task": {
            "type": "shell",
            "command": command,
            "working_dir": config.get("cwd") or None,
            # An entry without `=` sets nothing.
            "env": {key.strip(): value for key, equals, value in pairs if equals} | {"ENV_JOB_NAME": job},
            "stdin": _decoded(config, "payload"),
            "run_as": (config.get("su") or "").partition(":")[0] or None,
        }
    }
    if config.get("timeout") and (secs := parse_duration(config["timeout"])):
        parts["timeout_secs"] = _secs(secs)
    if config.get("mem_limit"):
        parts["limits"] = {"memory_max_bytes": max(parse_size(config["mem_limit"]), LEAST_MEMORY_BYTES)}
    return parts


def _first_operator(command: str) -> int:
    """Its position outside of quotes; the length where there is none."""
    quote = ""
    is_escaped = False
    for at, one in enumerate(command):
        if is_escaped:
            is_escaped = False
        elif one == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            quote = "" if one == quote else quote
        elif one in "'\"":
            quote = one
        elif one in _OPERATORS:
            return at
    return len(command)


def _http(_: str, config: Config) -> Parts:
    codes = [int(code) for code in re.findall(r"[0-9]{1,9}", config.get("expectCode") or "")]
    expected = {"expect_statuses": list(dict.fromkeys(codes))} if codes else {"expect_status": "any"}
    parts: Parts = {
        "task": {
            "type": "http",
            "method": _needed(config, "method").lower(),
            "url": _needed(config, "url"),
            "headers": read_headers(config.get("headers")),
            "body": config.get("body") or None,
            **expected,
        },
        "timeout_secs": _request_secs(config),
    }
    if config.get("expectBody"):
        parts["output_rules"] = {"assertions": [{"pattern": config["expectBody"]}]}
    return parts


def read_headers(text: str | None) -> dict[str, str] | None:
    """`["Name: value", ...]`, or an object as jobs that were made elsewhere are shown with. Raises ValueError."""
    if not text:
        return None
    lines = json.loads(text)
    if isinstance(lines, dict) and all(isinstance(value, str) for value in lines.values()):
        return lines or None
    if not isinstance(lines, list) or not all(isinstance(line, str) and ":" in line for line in lines):
        raise ValueError('headers must be a list such as ["Name: value"]')
    pairs = [line.partition(":") for line in lines]
    return {key.strip(): value.strip() for key, _, value in pairs} or None


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
            "broker": _needed(config, "brokerAddress").replace(" ", ""),
            "topic": _needed(config, "topic"),
            "key": config.get("key") or None,
            "message": config.get("message", ""),
            "properties": "\n".join(f"{key}={value}" for key, value in settings.items()) or None,
        }
    }


def _nats(_: str, config: Config) -> Parts:
    return {
        "task": {
            "type": "nats",
            "url": _needed(config, "url"),
            "subject": _needed(config, "subject"),
            "message": config.get("message", ""),
            "username": config.get("userName") or None,
            "password": config.get("password") or None,
        }
    }


def _rabbitmq(_: str, config: Config) -> Parts:
    if config.get("message.body") and config.get("message.base64Body"):
        raise ValueError("give message.body or message.base64Body, not both")
    return {
        "task": {
            "type": "rabbitmq",
            "url": _needed(config, "url"),
            "exchange": config.get("exchange", ""),
            "routing_key": _needed(config, "queue.name"),
            "message": config.get("message.body") or _decoded(config, "message.base64Body") or "",
            "content_type": config.get("message.content_type") or "text/plain",
        }
    }


def _grpc(_: str, config: Config) -> Parts:
    host, slash, method = _needed(config, "url").partition("/")
    if not slash:
        raise ValueError("url must be host:port/package.Service/Method")
    return {
        "task": {
            "type": "grpc",
            "host": host,
            "method": method,
            "body": json.loads(config["body"]) if config.get("body") else None,
            "headers": read_headers(config.get("headers")),
            "expect_code": int(config.get("expectCode") or 0),
        },
        "timeout_secs": _request_secs(config),
    }


def _needed(config: Config, key: str) -> str:
    if not config.get(key):
        raise ValueError(f"{key} is missing")
    return config[key]


def _decoded(config: Config, key: str) -> str | None:
    if not config.get(key):
        return None
    try:
        return base64.b64decode(config[key], validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValueError(f"{key} must be text in base64") from None


def _request_secs(config: Config) -> int:
    return _secs(float(config.get("timeout") or _HTTP_SECS))


def _secs(secs: float) -> int:
    if not secs > 0:
        raise ValueError("timeout must be longer than nothing")
    return math.ceil(min(secs, _MOST_SECS))


_READERS: Final[Mapping[str, Callable[[str, Config], Parts]]] = {
    "shell": _shell,
    "http": _http,
    "kafka": _kafka,
    "nats": _nats,
    "rabbitmq": _rabbitmq,
    "grpc": _grpc,
}
