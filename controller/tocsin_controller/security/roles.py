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


#: Whoever holds a key made for people.
READERS = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMIN})
WRITERS = frozenset({Role.OPERATOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
#: An admin may stand in for an agent, for trying things out.
AGENTS = frozenset({Role.AGENT, Role.ADMIN})
EVERYONE = frozenset(Role)


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

    @property
    def is_admin(self) -> bool:
        """Whether this may do everything."""
        return self.role is Role.ADMIN
