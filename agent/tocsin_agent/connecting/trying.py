"""Tries a connection: finds the module of its type, gives it a time limit, and puts what it found in words."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import ValidationError

from tocsin_agent.network import AddressRefused, NoAddress, check_host
from tocsin_agent.policy.servers import Unreadable, servers_of_connection
from tocsin_agent.runtime.redaction import Redactor, forms_of
from tocsin_agent.tasks.driving import TaskFailed, one_line
from tocsin_agent.tasks.registry import has_drivers
from tocsin_shared.connections.configs import CONFIGS
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.connections.secrets import secrets_in
from tocsin_shared.network import Reach

GROUP = "tocsin.connections"

#: Logs in with a configuration of its type, where the policy allows it. Raises TaskFailed.
Probe = Callable[[Any, Reach], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Tried:
    """Whether the server was reached and took the credentials, and a sentence about it without secrets."""

    success: bool
    message: str


async def try_connection(given: GivenConnection, *, reach: Reach, timeout_secs: float) -> Tried:
    """Connect, log in, let go. Never raises, but for cancellation."""
    model = CONFIGS.get(given.conn_type)
    if model is None:
        return Tried(False, f"Connections of type '{given.conn_type}' are not known here.")
    try:
        config = given.read(model)
    except ValidationError:
        return Tried(False, "The configuration does not fit this release.")
    try:
        async with asyncio.timeout(timeout_secs):
            for host, port in servers_of_connection(given):
                await check_host(reach, host, port)
    except (AddressRefused, NoAddress, TimeoutError, Unreadable) as error:
        return Tried(False, one_line(error))
    tried = await _try(_entry(given.conn_type), config, reach, timeout_secs)
    return Tried(tried.success, _clean(tried.message, secrets_in(given.config, model)))


async def _try(entry: EntryPoint | None, config: object, reach: Reach, timeout_secs: float) -> Tried:
    if entry is None:
        return Tried(False, "Connections of this type can't be tried here.")
    if not has_drivers(entry):
        extras = ",".join(entry.extras)
        return Tried(False, f"The driver is not installed here: install tocsin-agent[{extras}].")
    try:
        probe = cast("Probe", entry.load())
        async with asyncio.timeout(timeout_secs) as limit:
            return Tried(True, await probe(config, reach))
    except TaskFailed as failure:
        return Tried(False, failure.text)
    except TimeoutError as error:
        if limit.expired():
            return Tried(False, f"The server gave no complete answer within {timeout_secs:g} s.")
        return Tried(False, one_line(error))
    except Exception as error:  # noqa: BLE001  whatever a driver comes up with is an answer
        return Tried(False, f"The attempt failed: {one_line(error)}.")


def _entry(conn_type: str) -> EntryPoint | None:
    found = entry_points(group=GROUP, name=conn_type)
    return next(iter(found), None)


def _clean(message: str, secrets: list[str]) -> str:
    redactor = Redactor(forms_of(secrets))
    return (redactor.feed(message.encode("utf-8", "replace")) + redactor.rest()).decode("utf-8", "replace")
