"""The systemd units and the example settings name only options and settings that exist."""

import configparser
import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic_core import PydanticUndefined

from tocsin_agent.settings import AgentSettings

SYSTEMD = Path(__file__).parents[3] / "systemd"
PROGRAMS = {"tocsin-controller": "tocsin_controller.cli", "tocsin-agent": "tocsin_agent.cli"}
UNITS = [SYSTEMD / f"{program}.service" for program in PROGRAMS]
EXAMPLES = {
    "controller.toml": ("tocsin_controller.settings", "ControllerSettings"),
    "agent.toml": ("tocsin_agent.settings", "AgentSettings"),
}


def unit(path: Path) -> configparser.ConfigParser:
    """A parsed unit; of options given several times the last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # unit options have capitals
    parser.read_string(path.read_text())
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_has_the_sections_that_systemd_reads(path: Path) -> None:
    assert unit(path).sections() == ["Unit", "Service", "Install"]


def test_the_drop_in_only_changes_the_service() -> None:
    assert unit(SYSTEMD / "tocsin-agent-without-root.conf").sections() == ["Service"]


def test_where_systemd_is_older_jobs_get_their_groups_below_the_unit_that_holds_them() -> None:
    drop_in = unit(SYSTEMD / "tocsin-agent-limits.conf")
    setting, _, tree = drop_in["Service"]["Environment"].partition("=")
    assert setting.removeprefix("TOCSIN_AGENT_").lower() in AgentSettings.model_fields
    # Nothing that happens to the other unit may stop the agent.
    assert set(drop_in["Unit"]) == {"Wants", "After"}
    other = unit(SYSTEMD / drop_in["Unit"]["Wants"])
    assert tree.endswith(f"/{drop_in['Unit']['Wants']}")
    assert other["Unit"]["RefuseManualStop"] == "yes"
    holder = other["Service"]
    assert f"={tree}/holder;" in holder["ExecStart"]
    assert f" {tree}/holder/cgroup.procs;" in holder["ExecStartPost"]
    assert (holder["Delegate"], holder["KillMode"], holder["OOMPolicy"]) == ("yes", "process", "continue")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_with_options_that_exist(path: Path) -> None:
    program, command, *words = unit(path)["Service"]["ExecStart"].split()
    assert Path(program) == Path("/opt/tocsin/bin") / path.stem
    group = importlib.import_module(PROGRAMS[path.stem]).main
    assert isinstance(group, click.Group)
    known = {option for parameter in group.commands[command].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_bad_settings_do_not_restart_a_unit_for_ever(path: Path) -> None:
    from tocsin_controller.cli_base import EXIT_BAD_CONFIGURATION

    assert str(EXIT_BAD_CONFIGURATION) in unit(path)["Service"]["RestartPreventExitStatus"].split()


def test_an_agent_that_was_superseded_does_not_come_back_by_itself() -> None:
    from tocsin_agent.program import EXIT_SUPERSEDED

    service = unit(SYSTEMD / "tocsin-agent.service")["Service"]
    assert str(EXIT_SUPERSEDED) in service["RestartPreventExitStatus"].split()


def test_the_controllers_environment_names_a_setting() -> None:
    from tocsin_controller.settings import ControllerSettings

    name = unit(SYSTEMD / "tocsin-controller.service")["Service"]["Environment"].partition("=")[0]
    assert name.removeprefix("TOCSIN_").lower() in ControllerSettings.model_fields


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_setting_of_an_example_exists_and_fits(name: str, tmp_path: Path) -> None:
    module, kind = EXAMPLES[name]
    settings: Any = getattr(importlib.import_module(module), kind)
    everything = re.sub(r"^# (?=\w+ = )", "", (SYSTEMD / name).read_text(), flags=re.MULTILINE)
    assert tomllib.loads(everything).keys() <= settings.model_fields.keys()
    (tmp_path / name).write_text(everything)
    settings.load(tmp_path / name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_shows_defaults(name: str) -> None:
    module, kind = EXAMPLES[name]
    fields = getattr(importlib.import_module(module), kind).model_fields
    commented = re.findall(r"^# (\w+ = .*)$", (SYSTEMD / name).read_text(), re.MULTILINE)
    for line in commented:
        for setting, value in tomllib.loads(line).items():
            if fields[setting].default not in (None, PydanticUndefined):
                assert value == fields[setting].default, setting
