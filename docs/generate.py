"""Writes docs/configuration.md and docs/cli.md from the code, and a table of docs/migrating/dkron-api.md from what its
tests read; with --check, only says whether they are current.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

HERE = Path(__file__).parent

SETTINGS = (
    ("Controller", "tocsin_controller.settings", "ControllerSettings", "TOCSIN_"),
    ("Agent", "tocsin_agent.settings", "AgentSettings", "TOCSIN_AGENT_"),
)
DKRON = "migrating/dkron-api.md"
DEVIATIONS = HERE.parent / "tests" / "compat" / "dkron-deviations.yaml"
COMMANDS = (
    ("tocsin", "tocsin_cli.main", "root"),
    ("tocsin-controller", "tocsin_controller.cli", "main"),
    ("tocsin-agent", "tocsin_agent.cli", "main"),
)


def main() -> None:
    """Write the pages, or with --check exit 1 when one of them is out of date."""
    pages = {"configuration.md": configuration(), "cli.md": commands(), DKRON: dkron_api()}
    stale = [name for name, text in pages.items() if _read(HERE / name) != text]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"out of date: {', '.join('docs/' + name for name in stale)}; run `make docs`")
        return
    for name, text in pages.items():
        (HERE / name).write_text(text)


def configuration() -> str:
    """Every setting of controller and agent."""
    lines = [
        "# Configuration",
        "",
        "Generated from the settings classes by `make docs`. A value on the command line wins over the",
        "environment, which wins over the TOML file (`--config`), which wins over the default.",
        "In the TOML file a setting has its plain name, e.g. `port = 8080`.",
    ]
    for title, module, name, prefix in SETTINGS:
        settings: type[BaseSettings] = getattr(importlib.import_module(module), name)
        lines += [
            "",
            f"## {title}",
            "",
            "| setting | environment | default | what it does |",
            "|---|---|---|---|",
        ]
        for field_name, field in settings.model_fields.items():
            what = " ".join((field.description or "").split()).replace("|", "\\|")
            lines.append(f"| `{field_name}` | `{prefix}{field_name.upper()}` | {_default(field)} | {what} |")
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Every command with its help text."""
    lines = ["# Command line", "", "Generated from the commands by `make docs`."]
    for name, module, attribute in COMMANDS:
        root: click.Command = getattr(importlib.import_module(module), attribute)
        for path, command, context in _walk(name, root, None):
            lines += ["", f"{'##' if ' ' not in path else '###'} `{path}`", "", "```text"]
            lines += [line.rstrip() for line in command.get_help(context).splitlines()]
            lines.append("```")
    return "\n".join(lines) + "\n"


def dkron_api() -> str:
    """The page with the table after its last heading: where Dkron's description of itself is not followed."""
    page, table, _ = _read(HERE / DKRON).rpartition("| its file | here | why |\n|---|---|---|\n")
    rows = [
        f"| {one['file']} | {one['here']} | {one['why']} |" for one in yaml.safe_load(DEVIATIONS.read_text())
    ]
    return page + table + "\n".join(rows) + "\n"


def _walk(
    path: str, command: click.Command, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent, terminal_width=100)
    yield path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _walk(f"{path} {name}", child, context)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if isinstance(value, SecretStr):
        value = value.get_secret_value() or None
    if value is PydanticUndefined or value is None or value == "":
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    main()
