"""Settings of an agent, wherever they come from, and which source wins."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tocsin_agent.settings import AgentSettings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TOCSIN_AGENT_"):
            monkeypatch.delenv(name)


def toml(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(text)
    return file


def test_without_any_source_there_are_sane_defaults() -> None:
    settings = AgentSettings.load(None)
    assert settings.controller == ""
    assert settings.capacity >= 4
    assert settings.tags == []
    assert settings.state_dir == Path("/var/lib/tocsin-agent")
    assert settings.enrolment_key is None
    assert settings.name


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AGENT_CONTROLLER", "https://tocsin.example.org")
    monkeypatch.setenv("TOCSIN_AGENT_CAPACITY", "7")
    monkeypatch.setenv("TOCSIN_AGENT_STATE_DIR", "/srv/agent")
    settings = AgentSettings.load(None)
    assert (settings.controller, settings.capacity) == ("https://tocsin.example.org", 7)
    assert settings.state_dir == Path("/srv/agent")


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AGENT_CAPACITY", "")
    monkeypatch.setenv("TOCSIN_AGENT_TAGS", "")
    settings = AgentSettings.load(None)
    assert settings.capacity >= 4
    assert settings.tags == []


def test_the_file_is_read(tmp_path: Path) -> None:
    file = toml(tmp_path, 'controller = "http://c"\ntags = ["db", "dc:fra1"]\ndrain_grace_secs = 5\n')
    settings = AgentSettings.load(file)
    assert (settings.controller, settings.tags, settings.drain_grace_secs) == (
        "http://c",
        ["db", "dc:fra1"],
        5,
    )


def test_flags_win_over_the_environment_which_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml(tmp_path, 'controller = "http://file"\nname = "file"\ncapacity = 1\n')
    monkeypatch.setenv("TOCSIN_AGENT_CONTROLLER", "http://environment")
    monkeypatch.setenv("TOCSIN_AGENT_NAME", "environment")
    settings = AgentSettings.load(file, controller="http://flag", name=None)
    assert (settings.controller, settings.name, settings.capacity) == ("http://flag", "environment", 1)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("web", ["web"]),
        ("web, db", ["web", "db"]),
        (" web ,,db, ", ["web", "db"]),
        ("dc:fra1,k=v", ["dc:fra1", "k=v"]),
    ],
)
def test_tags_are_split_at_commas(monkeypatch: pytest.MonkeyPatch, text: str, tags: list[str]) -> None:
    monkeypatch.setenv("TOCSIN_AGENT_TAGS", text)
    assert AgentSettings.load(None).tags == tags
    monkeypatch.delenv("TOCSIN_AGENT_TAGS")
    assert AgentSettings.load(None, tags=text).tags == tags


def test_tags_may_be_one_text_in_the_file_too(tmp_path: Path) -> None:
    assert AgentSettings.load(toml(tmp_path, 'tags = "web,db"\n')).tags == ["web", "db"]


def test_an_unknown_key_in_the_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="capasity"):
        AgentSettings.load(toml(tmp_path, "capasity = 3\n"))


@pytest.mark.parametrize(
    "flags",
    [{"capacity": 0}, {"tags": "has space"}, {"name": "-bad"}, {"name": ""}, {"log_level": "loud"},
     {"drain_grace_secs": -1}, {"max_batch": 257}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(flags: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AgentSettings.load(None, **flags)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        AgentSettings.load(tmp_path / "nothing.toml")


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line 1"):
        AgentSettings.load(toml(tmp_path, "controller =\n"))


def test_the_key_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AGENT_KEY", "very-secret")
    settings = AgentSettings.load(None)
    assert settings.enrolment_key == "very-secret"
    assert "very-secret" not in repr(settings)


def test_the_key_may_stand_in_a_file_which_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from-file\n")
    monkeypatch.setenv("TOCSIN_AGENT_KEY", "from-environment")
    assert AgentSettings.load(None, key_file=tmp_path / "key").enrolment_key == "from-file"


def test_a_key_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _ = AgentSettings.load(None, key_file=tmp_path / "none").enrolment_key
