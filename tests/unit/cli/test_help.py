"""What `--help` promises, for every command."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from tests.unit.cli.conftest import Run

from tocsin_cli.command import Command
from tocsin_cli.main import SECTIONS, root


def commands(
    group: click.Group = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, with the words that lead to it."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_shows_an_example_of_itself(path: tuple[str, ...], tocsin: Run) -> None:
    command = ALL[path]
    assert isinstance(command, Command)
    assert any(f"tocsin {' '.join(path)}" in example for example in command.examples)
    result = tocsin(*path, "--help")
    assert result.exit_code == 0
    assert command.examples[0] in result.stdout


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_takes_the_global_options(path: tuple[str, ...]) -> None:
    options = {name for param in ALL[path].params for name in param.opts}
    assert {"--url", "--key", "--key-file", "--profile", "--ca-file", "--output", "--no-color"} <= options


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    for param in ALL[path].params:
        if isinstance(param, click.Option) and not isinstance(param.type, click.Choice):
            assert param.help, param.name


def test_the_table_of_commands_says_what_the_commands_say() -> None:
    ctx = click.Context(root)
    for section in SECTIONS.values():
        for name in section:
            command = root.get_command(ctx, name)
            assert command is not None
            assert command.help


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tocsin_cli.main import root\n"
        "try: root(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'aiohttp', 'rich', 'pydantic', 'yaml', 'asyncio', 'orjson'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_tocsin_itself(shell: str, tocsin: Run) -> None:
    result = tocsin("completion", shell)
    assert result.exit_code == 0
    assert "_TOCSIN_COMPLETE" in result.stdout
