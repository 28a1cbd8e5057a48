"""How scripts end badly: said by a function that they call."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How the process of a script ends by itself. Signals end it for memory and processor time."""

    DONE = 0
    #: It said `fail`, or there is a mistake in it.
    FAILED = 1
    #: It called an address that the agent's network policy refuses.
    ADDRESS_REFUSED = 3
    #: It wanted to start a command, and the agent's policy does not let scripts do that.
    COMMAND_REFUSED = 4


class ScriptEnded(Exception):
    """The script can't go on. The message is for people."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code
