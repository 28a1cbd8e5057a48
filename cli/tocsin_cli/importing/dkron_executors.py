"""What Dkron's executors do, as parts of documents, and what changes in meaning."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tocsin_cli.importing.converted import Json
from tocsin_cli.importing.references import as_text
from tocsin_shared.dkron.executors import (
    LEAST_MEMORY_BYTES,
    TRUE,
    Config,
    parse_size,
    read_executor,
    read_headers,
    split_words,
)

_CERTIFICATES: Final = ("tlsNoVerifyPeer", "tlsCertificateFile", "tlsCertificateKeyFile", "tlsRootCAsFile")

Notes = list[str]


def read_work(executor: str, config: Config, job: str) -> tuple[Json, Notes]:
    """The parts of a job that come from its executor: `task` and what goes with it. Raises ValueError."""
    parts = read_executor(executor, job, config)
    if run_as := parts["task"].pop("run_as", None):
        parts["run_as"] = run_as
    notes = list[str]()
    if tell := _TELLERS.get(executor):
        tell(config, notes)
    parts["task"] = as_text(parts["task"])
    return parts, notes


def _tell_shell(config: Config, notes: Notes) -> None:
    if config.get("shell") not in TRUE and (dropped := split_words(config["command"])[1]):
        notes.append(f"Dkron ran it without a shell and dropped '{dropped[:80]}'; that is left out")
    user, _, group = config.get("su", "").partition(":")
    if group:
        notes.append(f"runs with the groups of {user}, not with the group {group}")
    if (limit := config.get("mem_limit")) and parse_size(limit) < LEAST_MEMORY_BYTES:
        notes.append("may use 1 MiB of memory, the least there is")


def _tell_http(config: Config, notes: Notes) -> None:
    _tell_headers(config, notes)
    if not re.search(r"[0-9]", config.get("expectCode", "")):
        notes.append("succeeds with any status, as in Dkron, as it had no expectCode")
    if given := [key for key in _CERTIFICATES if config.get(key)]:
        notes.append(
            f"{', '.join(given)} do not come along: a connection of type http says how TLS is checked"
        )


def _tell_headers(config: Config, notes: Notes) -> None:
    notes += [
        f"sends the header {name} whole; Dkron cut its value at the second colon"
        for name, value in (read_headers(config.get("headers")) or {}).items()
        if ":" in value
    ]


def _tell_kafka(config: Config, notes: Notes) -> None:
    if config.get("saslUsername"):
        _tell_password(notes, "kafka")


def _tell_nats(config: Config, notes: Notes) -> None:
    if config.get("password"):
        _tell_password(notes, "nats")


def _tell_password(notes: Notes, kind: str) -> None:
    notes.append(
        f"its password stands in the job, where all readers see it: a connection of type {kind} hides it"
    )


def _tell_rabbitmq(config: Config, notes: Notes) -> None:
    if config.get("queue.create") == "true":
        notes.append("does not make its queue: it must be there")
    if left := [key for key in ("message.delivery_mode", "message.messageId") if config.get(key, "0") != "0"]:
        notes.append(f"{' and '.join(left)} do not come along")


_TELLERS: Final[Mapping[str, Callable[[Config, Notes], None]]] = {
    "shell": _tell_shell,
    "http": _tell_http,
    "kafka": _tell_kafka,
    "nats": _tell_nats,
    "rabbitmq": _tell_rabbitmq,
    "grpc": _tell_headers,
}


def config_of(value: Any) -> Config:
    """An executor's configuration; its values are texts. Raises ValueError."""
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("executor_config must hold texts only")
    return value
