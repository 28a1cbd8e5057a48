"""Which MQTT broker a task means, and who logs in there."""

import re
from dataclasses import dataclass, field

from tocsin_agent.tasks.addresses import host_and_port
from tocsin_agent.tasks.driving import TaskFailed, config_of
from tocsin_agent.tasks.tls import tls_of
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.connections.configs import MqttConfig
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import MqttSubscribeTask, MqttTask

_PORT = 1883
_TLS_PORT = 8883
#: `host`, `host:port`, `[::1]:port`; several colons without brackets are an IPv6 address.
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]/]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class MqttServer:
    """An address and a login."""

    host: str
    port: int
    client_id: str
    #: Whether somebody chose that id, so that the broker can know this client again.
    is_known: bool
    username: str | None
    password: str | None = field(repr=False)
    tls: TlsConfig | None = field(repr=False)

    @property
    def name(self) -> str:
        """For people, without credentials."""
        return f"MQTT broker {host_and_port(self.host, self.port)}"


def server_of(assignment: Assignment, task: MqttTask | MqttSubscribeTask) -> MqttServer:
    """What the connection says goes before what the task says. Raises TaskFailed."""
    config = config_of(assignment, MqttConfig)
    # 23 characters are what every broker takes.
    return _server(config, task, f"tocsin-{assignment.execution_id.hex[-16:]}")


def configured(config: MqttConfig) -> MqttServer:
    """What a connection says by itself. Raises TaskFailed."""
    return _server(config, MqttTask(type="mqtt", broker=config.broker, topic="-", message=""), "tocsin")


def _server(config: MqttConfig | None, task: MqttTask | MqttSubscribeTask, own_id: str) -> MqttServer:
    host, port = _host_and_port(config.broker if config else task.broker)
    port = port or (config and config.port) or task.port
    tls = tls_of(config, by_address=port == _TLS_PORT)
    client_id = (config and config.client_id) or task.client_id
    return MqttServer(
        host=host,
        port=port or (_TLS_PORT if tls else _PORT),
        client_id=client_id or own_id,
        is_known=client_id is not None,
        username=(config and config.username) or task.username,
        password=(config and config.password) or task.password,
        tls=tls,
    )


def _host_and_port(address: str) -> tuple[str, int | None]:
    if "[" not in address and address.count(":") > 1:
        return address, None
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"] or 1) <= 65_535:
        message = f"'{address}' is no address of a broker: it must be a host, or host:port."
        raise TaskFailed(Reason.CONNECT_FAILED, message)
    return found["six"] or found["host"], int(found["port"]) if found["port"] else None
