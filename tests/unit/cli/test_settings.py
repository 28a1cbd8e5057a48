"""Which controller and which key are meant."""

from typing import Any

import pytest

from tocsin_cli.failures import Failure
from tocsin_cli.profiles import Profile, Profiles
from tocsin_cli.settings import DEFAULT_URL, Settings, resolve_settings

PROFILES = Profiles(
    current="dev",
    by_name={
        "dev": Profile(url="http://dev:8080", key="dev-key"),
        "prod": Profile(url="https://prod", key="prod-key", ca_file="/ca.pem"),
    },
)


def resolve(env: dict[str, str] | None = None, profiles: Profiles = PROFILES, **flags: Any) -> Settings:
    """The settings for these flags, environment and profiles."""
    return resolve_settings(flags, env or {}, lambda: profiles)


def test_without_anything_it_is_the_controller_on_this_machine() -> None:
    settings = resolve(profiles=Profiles())
    assert (settings.url, settings.key, settings.output) == (DEFAULT_URL, None, "table")


def test_the_current_profile_is_used() -> None:
    settings = resolve()
    assert (settings.url, settings.key) == ("http://dev:8080", "dev-key")


def test_the_environment_beats_the_current_profile() -> None:
    settings = resolve({"TOCSIN_URL": "http://env", "TOCSIN_KEY": "env-key"})
    assert (settings.url, settings.key) == ("http://env", "env-key")


def test_an_empty_variable_is_the_same_as_none() -> None:
    settings = resolve({"TOCSIN_URL": "", "TOCSIN_KEY": "", "TOCSIN_PROFILE": "", "NO_COLOR": ""})
    assert (settings.url, settings.key, settings.colour) == ("http://dev:8080", "dev-key", True)


def test_a_flag_beats_the_environment() -> None:
    settings = resolve(
        {"TOCSIN_URL": "http://env", "TOCSIN_KEY": "env-key"}, url="http://flag", key="flag-key"
    )
    assert (settings.url, settings.key) == ("http://flag", "flag-key")


def test_a_profile_named_by_a_flag_beats_the_environment() -> None:
    settings = resolve({"TOCSIN_URL": "http://env", "TOCSIN_KEY": "env-key"}, profile="prod")
    assert (settings.url, settings.key, str(settings.ca_file)) == ("https://prod", "prod-key", "/ca.pem")


def test_a_profile_named_by_the_environment_is_used() -> None:
    assert resolve({"TOCSIN_PROFILE": "prod"}).url == "https://prod"


def test_a_profile_s_key_never_goes_to_another_controller() -> None:
    assert resolve(url="http://elsewhere").key is None
    assert resolve({"TOCSIN_URL": "http://elsewhere"}).key is None
    assert resolve(url="http://elsewhere", profile="prod").key is None


def test_a_profile_s_key_goes_along_with_its_own_url_however_it_was_given() -> None:
    assert resolve(url="HTTP://dev:8080/").key == "dev-key"


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Failure, match="dev, prod"):
        resolve(profile="test")


def test_a_url_without_scheme_is_refused() -> None:
    with pytest.raises(Failure, match="must start with http"):
        resolve(url="tocsin.example.org")


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_switched_off_from_outside(env: dict[str, str]) -> None:
    assert not resolve(env).colour
    assert resolve().colour
