"""Settings of a Kafka client as people write them: which there are, and what may stand there."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from tocsin_shared.wire import Text

_NUMBER = r"\d{1,9}"
_BOOLEAN = "true|false"
_MECHANISM = "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512"

#: What each may be, in any case. The names are those of Kafka's own clients, and librdkafka's where those differ.
_SHAPES: Final[dict[str, str]] = {
    "acks": "all|-1|0|1",
    "batch.size": _NUMBER,
    "client.id": r"\S{1,200}",
    "compression.type": "none|gzip|snappy|lz4|zstd",
    "connections.max.idle.ms": _NUMBER,
    "enable.idempotence": _BOOLEAN,
    "enable.ssl.certificate.verification": _BOOLEAN,
    "linger.ms": _NUMBER,
    "max.request.size": _NUMBER,
    "metadata.max.age.ms": _NUMBER,
    "request.timeout.ms": r"[1-9]\d{0,8}",
    "retry.backoff.ms": _NUMBER,
    "sasl.jaas.config": r".*",
    "sasl.mechanism": _MECHANISM,
    "sasl.mechanisms": _MECHANISM,
    "sasl.password": r".*",
    "sasl.username": r".*",
    "security.protocol": "PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL",
}

#: The only two ways to log in that stand in a `sasl.jaas.config` and are known here.
_JAAS: Final = re.compile(
    r"\s*(?:[\w.]*\.)?(?P<module>PlainLoginModule|ScramLoginModule)\s+required"
    r'\s+username="(?P<username>[^"]*)"\s+password="(?P<password>[^"]*)"\s*;?\s*'
)

#: A comma that another setting follows (all but one have a dot in their names): values may hold commas too.
_NEXT: Final = re.compile(r",(?=\s*(?:acks|[a-z]+(?:\.[a-z]+)+)\s*=)")


def parse_properties(text: str) -> dict[str, str]:
    """Names and values. Raises ValueError, whose text names settings but shows no value."""
    found: dict[str, str] = {}
    lines = text.splitlines()
    for piece in lines if len(lines) > 1 else _NEXT.split(text):
        if not piece.strip() or piece.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in piece.partition("="))
        if not equals:
            raise ValueError("every setting must be written as name=value")
        if name not in _SHAPES:
            raise ValueError(f"there is no setting '{name[:100]}'; known are {', '.join(_SHAPES)}")
        found[name] = value
    return found


def check_properties(found: dict[str, str]) -> None:
    """Whether the values fit. One with a reference in it is not known yet. Raises ValueError as above."""
    for name, value in found.items():
        if "{{" in value:
            continue
        shape = _SHAPES[name]
        if not re.fullmatch(shape, value, re.IGNORECASE):
            what = "a number" if "\\d" in shape else f"one of {shape.replace('|', ', ')}"
            raise ValueError(f"{name} must be {what}" if "\\S" not in shape else f"{name} must be one word")
        if name == "sasl.jaas.config":
            jaas_login(value)


def jaas_login(config: str) -> tuple[str, str, str]:
    """The module, the username and the password of a `sasl.jaas.config`. Raises ValueError."""
    match = _JAAS.fullmatch(config)
    if match is None:
        raise ValueError(
            "sasl.jaas.config must be a PlainLoginModule or ScramLoginModule, required, with username and password"
        )
    return match["module"], match["username"], match["password"]


def _checked(text: str) -> str:
    if not text.lstrip().startswith("{{"):  # all of it may be a variable
        check_properties(parse_properties(text))
    return text


#: Settings of the client as `name=value`, one a line or separated by commas.
KafkaProperties = Annotated[Text, Field(max_length=10_000), AfterValidator(_checked)]
