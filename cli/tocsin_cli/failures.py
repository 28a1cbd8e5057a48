"""Why a command could not do what was asked, with its exit code.

Failure (1)
├── Refused             the API said no; knows its machine code and the details
│   ├── Missing (3)
│   ├── Denied (4)
│   └── Clash (6)
└── Unreachable (5)     no controller answered
"""

from typing import ClassVar

from tocsin_cli.exit_codes import ExitCode


class Failure(Exception):
    """Ends the command: `main` prints the message on stderr and exits with the code."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILURE


class Refused(Failure):
    """The API answered with an error."""

    def __init__(
        self, message: str, *, code: str = "", status: int = 0, details: list[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        #: (field, reason) for each thing wrong with the request.
        self.details = details or []

    def __str__(self) -> str:
        """One line, or one line for each field that is wrong."""
        if not self.details:
            return super().__str__()
        return "\n".join(f"{field}: {reason}" if field else reason for field, reason in self.details)


class Missing(Refused):
    """There is no such thing."""

    exit_code = ExitCode.NOT_FOUND


class Denied(Refused):
    """The key is missing, unknown, or may not do this."""

    exit_code = ExitCode.DENIED


class Clash(Refused):
    """The current state does not allow it."""

    exit_code = ExitCode.CONFLICT


class Unreachable(Failure):
    """No controller answered, or none that can work."""

    exit_code = ExitCode.UNREACHABLE
