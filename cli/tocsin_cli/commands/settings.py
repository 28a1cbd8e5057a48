"""`tocsin settings`."""

import click

from tocsin_cli.command import Group, connected
from tocsin_cli.exit_codes import ExitCode
from tocsin_cli.output.table import Column, Table
from tocsin_cli.session import Session


@click.group(cls=Group)
def settings() -> None:
    """Show and change what holds for the whole fleet."""


@settings.command("ls", examples=["tocsin settings ls", "tocsin settings ls -o json"])
@connected
async def ls(session: Session) -> None:
    """Show what holds. Secrets are masked."""
    found: dict[str, str] = await session.api.get("/api/settings")
    if session.out.is_json:
        session.out.json(found)
        return
    table = Table((Column("Setting", is_kept=True), Column("Value")), when_empty="No settings.")
    for key, value in sorted(found.items()):
        table.add(key, value)
    session.out.table(table)


@settings.command(
    "set",
    examples=[
        "tocsin settings set retention_days=14",
        "tocsin settings set retention_days=",
        "tocsin settings set notification_email=@email.json",
    ],
)
@click.argument("changes", metavar="KEY=VALUE...", nargs=-1, required=True)
@connected
async def set_(session: Session, changes: tuple[str, ...]) -> None:
    """Change settings, all or none. Without a value, what the controllers' configuration says holds again.

    A value that begins with @ is the name of a file that holds it; @- is standard input. Secrets belong there.
    """
    values: dict[str, str] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{change!r} is not KEY=VALUE")
        values[key] = _read(value[1:]) if value.startswith("@") else value
    answer = await session.api.put("/api/settings", values)
    session.out.answer(answer, f"changed {', '.join(values)}")


@settings.command("test-notifications", examples=["tocsin settings test-notifications"])
@connected
async def test_notifications(session: Session) -> int:
    """Send a test message through each channel of notifications that is switched on."""
    answer: dict[str, str] = await session.api.post("/api/notifications/test")
    session.out.answer(answer, answer["message"])
    return ExitCode.OK if answer["status"] == "ok" else ExitCode.FAILURE


def _read(name: str) -> str:
    try:
        with click.open_file(name, encoding="utf-8") as file:
            text: str = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{name}: {error}") from None
    return text.strip()
