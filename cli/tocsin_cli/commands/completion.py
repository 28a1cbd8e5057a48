"""`tocsin completion`."""

import click

from tocsin_cli.command import Command


@click.command(
    "completion",
    cls=Command,
    examples=[
        "tocsin completion bash > ~/.local/share/bash-completion/completions/tocsin",
        "tocsin completion zsh > ~/.zfunc/_tocsin",
        "tocsin completion fish > ~/.config/fish/completions/tocsin.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes your shell complete commands and the names of jobs and agents."""
    from click.shell_completion import get_completion_class

    from tocsin_cli.main import root

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  click has the three shells above
    complete = kind(root, {}, "tocsin", "_TOCSIN_COMPLETE")
    click.echo(complete.source_template % complete.source_vars(), nl=False)
