"""Who is asking, and what each role may do."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a key may do. Roles of people include what the ones before them may."""

    #: Reads everything but keys.
    VIEWER = "viewer"
    #: Changes jobs and agents, triggers, cancels.
    OPERATOR = "operator"
    #: Also manages keys.
    ADMIN = "admin"
    #: Registers, takes work and reports; nothing else.
    AGENT = "agent"
    #: What the key's scopes say, and nothing besides.
    SCOPED = "scoped"


class Scope(StrEnum):
    """A small part of the API that a key may be made for, instead of for a role."""

    #: Reads jobs and executions by Krafter's API.
    CRON_READ = "cron:read"
    #: Also changes and runs them.
    CRON_WRITE = "cron:write"


#: Whoever holds a key made for people.
READERS = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMIN})
WRITERS = frozenset({Role.OPERATOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
#: An admin may stand in for an agent, for trying things out.
AGENTS = frozenset({Role.AGENT, Role.ADMIN})
EVERYONE = READERS | AGENTS

#: The same for scopes.
CRON_READERS = frozenset({Scope.CRON_READ, Scope.CRON_WRITE})
CRON_WRITERS = frozenset({Scope.CRON_WRITE})


@dataclass(frozen=True, slots=True)
class Principal:
    """Whose request this is."""

    key_id: UUID
    name: str
    role: Role
    #: The one agent that this key speaks for; None for keys that people made.
    agent_id: UUID | None = None
    key_prefix: str = ""
    #: Where this request came from; None where that is not known.
    address: str | None = None
    #: What a key without another role is for.
    scopes: frozenset[Scope] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether this may do everything."""
        return self.role is Role.ADMIN
