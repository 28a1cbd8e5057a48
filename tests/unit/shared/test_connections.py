"""Connections apart from where they are kept: masks, what is secret in them, and what they add to requests."""

from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_shared.connections.base import ConnectionConfig
from tocsin_shared.connections.configs import (
    CONFIGS,
    HttpConfig,
    KafkaConfig,
    NatsConfig,
    PostgresConfig,
    RedisConfig,
    SftpConfig,
)
from tocsin_shared.connections.http import auth_headers, url_under
from tocsin_shared.connections.masking import masked, merged, unmeant_masks
from tocsin_shared.connections.requests import ConnectionType
from tocsin_shared.connections.secrets import secrets_in
from tocsin_shared.masks import MASK
from tocsin_shared.tasks.fitting import CONNECTED, why_unfit

VALUES = st.one_of(st.text(min_size=1), st.integers(), st.booleans())
MODELS = st.sampled_from(sorted(CONFIGS.values(), key=lambda model: model.__name__))


@st.composite
def configurations(draw: st.DrawFn) -> tuple[type[ConnectionConfig], dict[str, Any]]:
    """A type and something that could be stored for it, which is not the mask itself."""
    model = draw(MODELS)
    keys = st.sampled_from(sorted(model.model_fields))
    config = draw(st.dictionaries(keys, VALUES.filter(lambda value: value != MASK)))
    secret = st.text(min_size=1).filter(lambda text: text != MASK)
    return model, {k: draw(secret) if k in model.secret_fields else v for k, v in config.items()}


def test_every_type_can_be_made() -> None:
    assert set(get_args(ConnectionType)) == set(CONFIGS)


def test_every_secret_is_a_field_of_its_type() -> None:
    for name, model in CONFIGS.items():
        assert model.secret_fields <= set(model.model_fields), name


@given(configurations())
def test_what_was_shown_can_be_sent_back_and_changes_nothing(
    drawn: tuple[type[ConnectionConfig], dict[str, Any]],
) -> None:
    model, config = drawn
    shown = masked(config, model)
    assert merged(config, shown, model) == config
    assert not unmeant_masks(merged(config, shown, model), model)


@given(configurations())
def test_no_secret_is_shown(drawn: tuple[type[ConnectionConfig], dict[str, Any]]) -> None:
    model, config = drawn
    shown = masked(config, model)
    assert {shown[name] for name in model.secret_fields & set(shown)} <= {MASK}
    assert shown.keys() == config.keys()


def test_a_mask_that_nothing_stands_behind_is_not_meant() -> None:
    assert unmeant_masks(merged({"broker": "b"}, {"password": MASK}, KafkaConfig), KafkaConfig) == [
        "password"
    ]


@pytest.mark.parametrize(
    ("model", "config", "found"),
    [
        (PostgresConfig, {"connection_string": "postgresql://u:p%40ss@h/db"}, {"p%40ss", "p@ss"}),
        (PostgresConfig, {"connection_string": "postgresql://u:p@ss@h/db"}, {"p@ss"}),
        (PostgresConfig, {"connection_string": "postgresql://u@h/db?password=q%2Bq+q"}, {"q+q q"}),
        (PostgresConfig, {"connection_string": "host=h password='it\\'s' user=u"}, {"it's"}),
        (PostgresConfig, {"connection_string": "host=h password=plain user=u"}, {"plain"}),
        (PostgresConfig, {"connection_string": "postgresql://u:in%5D[valid@h/db"}, {"in%5D[valid", "in][valid"}),
        (RedisConfig, {"url": "redis://:pw1@h:1/0", "password": "pw2"}, {"pw1", "pw2"}),
        (NatsConfig, {"url": "nats://t0ken@a:1,nats://u:pw@b:2"}, {"t0ken", "pw"}),
        (SftpConfig, {"host": "h", "private_key": "-----BEGIN\nabc=def\n"}, {"-----BEGIN\nabc=def\n"}),
    ],
)  # fmt: skip
def test_what_is_secret_is_found_as_written_and_decoded(
    model: type[ConnectionConfig], config: dict[str, Any], found: set[str]
) -> None:
    secrets = secrets_in(config, model)
    whole = {value for name, value in config.items() if name in model.secret_fields}
    assert found <= set(secrets)
    assert whole <= set(secrets)
    assert not {"u", "h", "db", ""} & set(secrets)


def http(**config: Any) -> HttpConfig:
    return HttpConfig.model_validate({"base_url": "https://api.example.com/v1/", **config})


@pytest.mark.parametrize(
    ("config", "headers"),
    [
        ({}, {}),
        ({"auth_type": "bearer", "token": "t"}, {"Authorization": "Bearer t"}),
        ({"auth_type": "basic", "username": "ü", "password": "p"}, {"Authorization": "Basic w7w6cA=="}),
        ({"auth_type": "header", "header_value": "v"}, {"X-API-Key": "v"}),
        ({"auth_type": "header", "header_name": "X-Mine", "header_value": "v"}, {"X-Mine": "v"}),
        ({"auth_type": "bearer"}, {}),
        ({"auth_type": "none", "token": "t"}, {}),
    ],
)
def test_credentials_become_a_header(config: dict[str, Any], headers: Mapping[str, str]) -> None:
    assert auth_headers(http(**config), "https://API.example.com:443/x") == headers


def test_a_header_that_is_there_stays() -> None:
    assert (
        auth_headers(http(auth_type="bearer", token="t"), "https://api.example.com/", ["authorization"]) == {}
    )


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://api.example.com/",
        "https://api.example.com:8443/",
        "https://example.com/",
        "/x",
        "https://[",
        "",
    ],
)
def test_credentials_go_to_no_other_origin(elsewhere: str) -> None:
    assert auth_headers(http(auth_type="bearer", token="t"), elsewhere) == {}


def test_a_path_stands_below_the_base() -> None:
    assert url_under(http(), "/jobs?x=1") == "https://api.example.com/v1/jobs?x=1"
    assert url_under(http(), "") == "https://api.example.com/v1/"
    assert url_under(http(), "https://other.example.com/y") == "https://other.example.com/y"


def test_a_task_takes_the_connections_that_its_driver_or_protocol_can_use() -> None:
    assert CONNECTED.keys() >= {"sql", "ftp", "http", "kafka", "ssh", "s3", "mcp", "nats", "grpc"}
    assert why_unfit({"type": "sql", "driver": "mysql"}, "mysql") is None
    assert why_unfit({"type": "sql", "driver": "mysql"}, "postgres") is not None
    assert why_unfit({"type": "ftp", "protocol": "sftp"}, "ssh") is None
    assert why_unfit({"type": "ftp", "protocol": "ftps"}, "sftp") is not None
    assert why_unfit({"type": "shell"}, "ssh") == "tasks of this type use no connection"
