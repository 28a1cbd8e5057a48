"""Pairing: an agent introduces itself, and from then on one key speaks for it."""

from uuid import UUID

import structlog

from tocsin_controller.hints import EVENTS, KEYS, Hints, agent_topic
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.store.agents import (
    Introduction,
    RegisteredAgent,
    credential_of,
    insert_agent,
    lock_agent,
    set_agent_key,
    update_agent,
)
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.keys import insert_credential
from tocsin_shared.errors import NameTaken
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import RegisterRequest

log = structlog.get_logger(__name__)


class Registrar:
    """Registers agents."""

    def __init__(self, db: Database, hints: Hints, *, lease_secs: float) -> None:
        self._db = db
        self._hints = hints
        self._lease_secs = lease_secs

    async def register(self, principal: Principal, request: RegisterRequest) -> UUID:
        """The agent's id: the same for the same agent, whatever happened in between.

        A name belongs to whoever registered it first: the key that did, or the credential it traded that key
        for. Anybody else gets NameTaken; removing the agent frees the name.
        """
        who = _introduction(request)
        own_hash = bytes.fromhex(request.credential_sha256) if request.credential_sha256 else None
        async with self._db.transaction() as session:
            known = await lock_agent(session, agent_id=principal.agent_id, name=who.name)
            if known is None:
                agent_id, is_new = new_id(), True
                if not await insert_agent(session, agent_id, who, principal.key_id, self._lease_secs):
                    raise NameTaken(f"an agent named '{who.name}' is being registered right now; try again")
            else:
                agent_id, is_new = known.id, False
                key_id = await self._key_that_speaks(session, principal, known, own_hash)
                await self._refuse_taken_name(session, known, who.name)
                await update_agent(session, agent_id, who, key_id, self._lease_secs)
            if own_hash is not None and principal.agent_id is None:
                key_id = await insert_credential(session, agent_id, who.name, own_hash)
                await set_agent_key(session, agent_id, key_id)
            await add_events(session, [_registered(agent_id, who, principal)])
        log.info("agent_registered", agent_id=str(agent_id), agent=who.name, is_new=is_new)
        self._hints.hint(agent_topic(agent_id))
        self._hints.hint(KEYS)
        self._hints.hint(EVENTS)
        return agent_id

    async def register_local(self, request: RegisterRequest) -> UUID:
        """The agent inside a controller: no key speaks for it, nobody outside can."""
        who = _introduction(request, agent_type="local")
        async with self._db.transaction() as session:
            known = await lock_agent(session, agent_id=None, name=who.name)
            agent_id = known.id if known else new_id()
            if known:
                await update_agent(session, agent_id, who, None, self._lease_secs)
            else:
                await insert_agent(session, agent_id, who, None, self._lease_secs)
        self._hints.hint(agent_topic(agent_id))
        return agent_id

    async def _key_that_speaks(
        self, session: Session, principal: Principal, known: RegisteredAgent, own_hash: bytes | None
    ) -> UUID | None:
        """The key that speaks for the agent from now on. Raises NameTaken when this one may not."""
        if known.agent_type == "local":
            raise NameTaken(f"the name '{known.name}' belongs to a controller")
        if principal.agent_id == known.id or principal.key_id == known.key_id:
            return known.key_id
        if own_hash is not None and (mine := await credential_of(session, known.id, own_hash)):
            return mine
        if principal.role is Role.ADMIN and own_hash is None:
            return known.key_id
        raise NameTaken(
            f"an agent named '{known.name}' is registered with another key; give this one another name, "
            f"or remove the old one first (tocsin agents rm {known.name})"
        )

    async def _refuse_taken_name(self, session: Session, known: RegisteredAgent, name: str) -> None:
        if name != known.name and await lock_agent(session, agent_id=None, name=name) is not None:
            raise NameTaken(f"another agent is named '{name}'")


def _introduction(request: RegisterRequest, *, agent_type: str | None = None) -> Introduction:
    return Introduction(
        name=request.name,
        agent_type=agent_type or ("custom" if request.agent_type == "custom" else "standard"),
        tags=list(dict.fromkeys(request.tags)),
        task_types=list(dict.fromkeys(request.task_types or ())),
        hostname=request.hostname,
        address=request.address,
        port=request.port,
        capacity=request.capacity,
        version=request.version,
        protocol=request.protocol,
        incarnation=request.incarnation,
        system_info=request.system_info,
    )


def _registered(agent_id: UUID, who: Introduction, principal: Principal) -> NewEvent:
    return NewEvent(
        kind="agent.registered",
        severity="info",
        message=f"Agent '{who.name}' registered",
        agent_id=agent_id,
        api_key_id=principal.key_id,
        api_key_name=principal.name,
        details=f"tags: {', '.join(who.tags) or 'none'}",
    )
