"""The way to a Kafka cluster: where it is, TLS, the login, and what went wrong on the way."""

import asyncio
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from tocsin_agent.tasks.addresses import host_and_port
from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, login_refused
from tocsin_agent.tasks.tls import context_of, tls_of
from tocsin_shared.connections.configs import KafkaConfig
from tocsin_shared.executions import Reason
from tocsin_shared.tasks.kafka_properties import check_properties, jaas_login, parse_properties

#: How long one broker may take to answer at all; then the next is asked.
_CONNECT_SECS = 10.0
#: How long a cluster may take to be left.
_LET_GO_SECS = 3.0

#: The driver does not read what a broker says of a token, which shows by what the broker does next: it hangs up, or
#: answers with something that is about no cluster.
_NOT_LET_IN = "it does not go on after the token"

_LOGIN_ERRORS = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster."""

    #: `host` or `host:port`, separated by commas.
    brokers: str
    tls: ssl.SSLContext | None
    #: None: no login, or one by a token.
    username: str | None
    password: str = field(repr=False)
    mechanism: str
    token: str | None = field(default=None, repr=False)

    @property
    def logs_in(self) -> bool:
        """Whether there is a login at all."""
        return self.username is not None or self.token is not None

    @property
    def arguments(self) -> dict[str, Any]:
        """As aiokafka's classes take them."""
        security = "SASL_" if self.logs_in else ""
        return {
            "security_protocol": security + ("SSL" if self.tls else "PLAINTEXT"),
            "ssl_context": self.tls,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "sasl_oauth_token_provider": _Token(self.token) if self.token is not None else None,
        }


class _Token(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """The one that the connection has; nobody here could get another."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        """As it is."""
        return self._token


async def access_of(broker: str, config: KafkaConfig | None, settings: Mapping[str, str]) -> Access:
    """What the connection says, and where it says nothing, the task. Raises TaskFailed."""
    given = config or KafkaConfig(broker=broker)
    protocol = settings.get("security.protocol", "").upper()
    username, password, mechanism = _login(given, settings)
    if protocol.startswith("SASL_") and username is None and given.token is None:
        message = f"security.protocol={protocol} needs a username: sasl.username, or that of a connection."
        raise TaskFailed(Reason.LOGIN_FAILED, message)
    trusts_anybody = settings.get("enable.ssl.certificate.verification", "").lower() == "false"
    if trusts_anybody and "tls_verify" not in given.model_fields_set:
        given = given.model_copy(update={"tls_verify": False})
    tls = tls_of(given, by_address=protocol.endswith("SSL"))
    return Access(
        brokers=given.broker,
        tls=await asyncio.to_thread(context_of, tls) if tls else None,
        username=username,
        password=password,
        mechanism=mechanism,
        token=given.token,
    )


def settings_of(properties: str | None) -> dict[str, str]:
    """The task's own settings. Raises TaskFailed."""
    try:
        found = parse_properties(properties or "")
        check_properties(found)
    except ValueError as error:
        raise TaskFailed(Reason.DRIVER_ERROR, f"The properties can't be used: {error}.") from None
    return found


async def reach(access: Access) -> str:
    """Speak to one of the brokers, and say which. Raises TaskFailed with what the brokers, or the way there, said.

    aiokafka by itself would only say that it could not.
    """
    failed: list[str] = []
    try:
        brokers = collect_hosts(access.brokers)
    except ValueError as error:
        raise could_not_connect(f"Kafka at {access.brokers}", error) from None
    for host, port, _ in brokers:
        address, is_greeted = host_and_port(host, port), False
        try:
            async with asyncio.timeout(_CONNECT_SECS):
                connection = await create_conn(host, port, request_timeout_ms=60_000, **access.arguments)
                is_greeted = True
                try:
                    cluster = await connection.send(MetadataRequest([]))
                finally:
                    connection.close()
            if access.token is not None and not cluster.brokers:
                raise login_refused(f"Kafka at {address}", _NOT_LET_IN)
        except _LOGIN_ERRORS as error:
            raise login_refused(f"Kafka at {address}", error) from None
        except TimeoutError:
            failed.append(f"{address}: no answer within {_CONNECT_SECS:g} s")
        except (OSError, KafkaError, ValueError) as error:
            if is_greeted and access.token is not None:
                raise login_refused(f"Kafka at {address}", _NOT_LET_IN) from None
            hint = "" if isinstance(error, OSError) else f"; {_hint(access)}"
            failed.append(f"{address}: {error}{hint}")
        else:
            return address
    raise could_not_connect(f"Kafka at {access.brokers}", "; ".join(failed))


async def let_go(stop: Coroutine[Any, Any, None], client: AIOKafkaClient) -> None:
    """Stop a producer or a consumer, within a bounded time and without an error: the work is done, or lost.

    In a task of its own, because aiokafka lets cancellations of its own tasks out, which would be taken for ours.
    """
    stopping = asyncio.ensure_future(stop)
    try:
        await asyncio.wait([stopping], timeout=_LET_GO_SECS)
    finally:
        is_stopped = stopping.done() and not stopping.cancelled() and stopping.exception() is None
        stopping.cancel()
        if not is_stopped:
            await client.close()


def _login(config: KafkaConfig, settings: Mapping[str, str]) -> tuple[str | None, str, str]:
    """Username, password and mechanism."""
    username, password = settings.get("sasl.username"), settings.get("sasl.password")
    mechanism = settings.get("sasl.mechanism") or settings.get("sasl.mechanisms")
    if jaas := settings.get("sasl.jaas.config"):
        _, username, password = jaas_login(jaas)
    if config.username is not None:
        username = config.username
    if config.password is not None:
        password = config.password
    if "sasl_mechanism" in config.model_fields_set or mechanism is None:
        mechanism = config.sasl_mechanism
    return username, password or "", mechanism.upper()


def _hint(access: Access) -> str:
    """Brokers hang up without a word on a client that does not speak as they expect."""
    expected = [] if access.tls else ["TLS"]
    if not access.logs_in:
        expected.append("a login")
    return f"does it want {' or '.join(expected)}?" if expected else "is it a TLS listener with SASL?"
