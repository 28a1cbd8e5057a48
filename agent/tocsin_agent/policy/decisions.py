"""The policy itself, and what it says of a task. Pure: asks neither the disk nor a name server."""

from dataclasses import dataclass, field

from tocsin_agent.policy.paths import Directories
from tocsin_shared.executions import Reason
from tocsin_shared.network import Reach


class Refused(Exception):
    """The policy does not allow it. The message is one sentence that names the rule."""

    def __init__(self, why: str, reason: Reason = Reason.REFUSED_BY_AGENT) -> None:
        super().__init__(why)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Policy:
    """Says no where a rule stands; what has no rule is allowed. The exception is `allow_script_shell`."""

    #: The types that are run; None: all that are installed.
    task_types: frozenset[str] | None = None
    #: The accounts that processes may run as; None: any.
    run_as: frozenset[str] | None = None
    directories: Directories = field(default_factory=Directories)
    #: Addresses of the controllers that this agent may work for; None: the one that it was told.
    controllers: frozenset[str] | None = None
    #: SHA-256 of the certificates that a controller may show; None: whatever is trusted.
    fingerprints: frozenset[str] | None = None
    #: What may be called.
    reach: Reach = field(default_factory=Reach)
    #: Whether scripts may start commands.
    allow_script_shell: bool = False

    def allows_type(self, task_type: str) -> bool:
        """Whether tasks of this type are run at all."""
        return self.task_types is None or task_type in self.task_types

    def check_type(self, task_type: str) -> None:
        """Raises Refused."""
        if not self.allows_type(task_type):
            raise refused(f"task_types does not name '{task_type}'")

    def check_account(self, account: str) -> None:
        """Raises Refused for an account that processes may not run as."""
        if self.run_as is not None and account not in self.run_as:
            raise refused(f"run_as does not name '{account}'")

    def lets_scripts_start_commands(self, account: str) -> bool:
        """Whether scripts may start commands, which run as this account: the agent's own."""
        return self.allow_script_shell and (self.run_as is None or account in self.run_as)

    def check_controller(self, url: str) -> None:
        """Raises Refused for a controller that this agent may not work for."""
        if self.fingerprints is not None and not url.startswith("https:"):
            raise refused(f"controller_fingerprints is given, and '{url}' has no TLS")
        if self.controllers is not None and url.rstrip("/") not in self.controllers:
            raise refused(f"controllers does not name '{url}'")


def refused(why: str) -> Refused:
    """`why` names the rule."""
    return Refused(f"This agent's policy does not allow it: {why}.")
