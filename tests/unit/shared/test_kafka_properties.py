"""Settings of a Kafka client, as they stand in a task."""

import pytest
from pydantic import ValidationError

from tocsin_shared.tasks import KafkaTask
from tocsin_shared.tasks.kafka_properties import jaas_login, parse_properties


def task(properties: str) -> KafkaTask:
    return KafkaTask(type="kafka", broker="b", topic="t", message="m", properties=properties)


@pytest.mark.parametrize(
    "text",
    [
        "acks=all,compression.type=zstd",
        "acks=all, compression.type = zstd",
        "# a file\nacks=all\n\ncompression.type=zstd\n",
    ],
)
def test_settings_are_separated_by_commas_or_lines(text: str) -> None:
    assert parse_properties(text) == {"acks": "all", "compression.type": "zstd"}
    assert task(text).properties == text


def test_a_value_may_hold_commas_and_equals_signs() -> None:
    found = parse_properties("sasl.password=a,b=,c,sasl.username=u")
    assert found == {"sasl.password": "a,b=,c", "sasl.username": "u"}


def test_references_may_stand_for_values_or_for_everything() -> None:
    assert task("acks={{ACKS}},sasl.jaas.config={{JAAS}}").properties is not None
    assert task("{{KAFKA_SETTINGS}}").properties is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aks=all", "there is no setting 'aks'; known are acks,"),
        ("acks", "name=value"),
        ("acks=2", "acks must be one of all, -1, 0, 1"),
        ("linger.ms=soon", "linger.ms must be a number"),
        ("client.id=two words", "client.id must be one word"),
        ("sasl.mechanism=GSSAPI", "sasl.mechanism must be one of PLAIN"),
        ("sasl.jaas.config=Krb5LoginModule required;", "PlainLoginModule or ScramLoginModule"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        task(text)
    assert refused.value.errors()[0]["loc"] == ("properties",)


def test_a_refused_password_is_not_shown() -> None:
    with pytest.raises(ValueError, match=r"sasl\.jaas\.config must be") as refused:
        jaas_login('OAuthBearerLoginModule required password="secret";')
    assert "secret" not in str(refused.value)


def test_a_login_is_read_from_a_jaas_config() -> None:
    text = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p,=;";'
    assert jaas_login(text) == ("PlainLoginModule", "u", "p,=;")
