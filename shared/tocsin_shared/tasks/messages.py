"""Tasks that send messages to brokers, and wait for messages from them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tocsin_shared.tasks.fields import (
    ConnectedTask,
    HeaderName,
    HeaderText,
    Host,
    Hosts,
    Label,
    Login,
    Message,
    MessageCount,
    Password,
    Port,
    of_scheme,
)
from tocsin_shared.tasks.kafka_properties import KafkaProperties
from tocsin_shared.wire import Text

AmqpUrl = Annotated[Text, Field(max_length=8_192), of_scheme("amqp", "amqps")]
Qos = Annotated[int, Field(ge=0, le=2)]
#: How messages are printed: the body alone, or an object a line with what else is known.
MessageFormat = Literal["text", "json"]


class KafkaTask(ConnectedTask):
    """Sends one message to a topic, and waits until it is stored."""

    address_field: ClassVar[str] = "broker"
    connection_types: ClassVar[tuple[str, ...]] = ("kafka",)

    type: Literal["kafka"]
    broker: Hosts = ""
    topic: Label
    message: Message
    key: Label | None = None
    properties: KafkaProperties | None = None


class KafkaConsumeTask(ConnectedTask):
    """Reads messages of a topic."""

    address_field: ClassVar[str] = "broker"
    connection_types: ClassVar[tuple[str, ...]] = ("kafka",)

    type: Literal["kafka_consume"]
    broker: Hosts = ""
    topic: Label
    #: Messages are acknowledged for this group; without one for nobody.
    group_id: Label | None = None
    max_messages: MessageCount | None = None
    #: Where to begin when the group has read nothing yet.
    offset: Literal["latest", "earliest"] | None = None
    format: MessageFormat = "text"


class MqttTask(ConnectedTask):
    """Publishes a message."""

    address_field: ClassVar[str] = "broker"
    connection_types: ClassVar[tuple[str, ...]] = ("mqtt",)

    type: Literal["mqtt"]
    broker: Host = ""
    topic: Label
    message: Message
    port: Port | None = None
    qos: Qos | None = None
    retain: bool = False
    username: Login | None = None
    password: Password | None = None
    client_id: Label | None = None


class MqttSubscribeTask(ConnectedTask):
    """Waits for messages of a topic."""

    address_field: ClassVar[str] = "broker"
    connection_types: ClassVar[tuple[str, ...]] = ("mqtt",)

    type: Literal["mqtt_subscribe"]
    broker: Host = ""
    topic: Label
    port: Port | None = None
    max_messages: MessageCount | None = None
    username: Login | None = None
    password: Password | None = None
    client_id: Label | None = None
    qos: Qos | None = None
    format: MessageFormat = "text"


class RabbitmqTask(ConnectedTask):
    """Publishes a message to an exchange, and waits until the broker has it."""

    address_field: ClassVar[str] = "url"
    connection_types: ClassVar[tuple[str, ...]] = ("rabbitmq",)

    type: Literal["rabbitmq"]
    url: AmqpUrl = ""
    #: Empty: the default exchange, where the routing key is the queue's name.
    exchange: Annotated[Text, Field(max_length=255)]
    routing_key: Annotated[Text, Field(max_length=255)]
    message: Message
    content_type: Label | None = None


class RabbitmqConsumeTask(ConnectedTask):
    """Takes messages from a queue."""

    address_field: ClassVar[str] = "url"
    connection_types: ClassVar[tuple[str, ...]] = ("rabbitmq",)

    type: Literal["rabbitmq_consume"]
    url: AmqpUrl = ""
    queue: Annotated[Text, Field(min_length=1, max_length=255)]
    max_messages: MessageCount | None = None
    format: MessageFormat = "text"


class NatsTask(ConnectedTask):
    """Publishes a message on a subject."""

    address_field: ClassVar[str] = "url"
    connection_types: ClassVar[tuple[str, ...]] = ("nats",)

    type: Literal["nats"]
    #: Several are separated by commas.
    url: Annotated[Text, Field(max_length=8_192), of_scheme("nats", "tls", "ws", "wss")] = ""
    subject: Label
    message: Message = ""
    headers: dict[HeaderName, HeaderText] | None = None
    #: Succeed only once a stream of JetStream has stored the message.
    jetstream: bool = False
    username: Login | None = None
    password: Password | None = None
