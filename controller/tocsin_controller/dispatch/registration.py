"""Pairing: an agent introduces itself, and from then on one key speaks for it."""

from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.hints import EVENTS, KEYS, Hints, agent_topic
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.store.agents import (
    Introduction,
    RegisteredAgent,
    credential_of,
    insert_agent,
    lock_agent,
    note_clone,
    set_agent_key,
    update_agent,
)
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.epoch import read_epoch
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.keys import insert_credential
from tocsin_shared.errors import Cloned, NameTaken
from tocsin_shared.ids import new_id
from tocsin_shared.logs import log
from tocsin_shared.protocol import RegisterRequest


@dataclass(frozen=True, slots=True)
class Registration:
    """What an agent learns by registering."""

    agent_id: UUID
    epoch: int


class Registrar:
    """Registers agents."""

    def __init__(self, db: Database, hints: Hints, *, lease_secs: float) -> None:
        self._db = db
        self._hints = hints
        self._lease_secs = lease_secs

    async def register(self, principal: Principal, request: RegisterRequest) -> Registration:
        """The agent's id is the same for the same agent, whatever happened in between.

        A name belongs to whoever registered it first: the key that did, or the credential it traded that key
        for. Anybody else gets NameTaken; removing the agent frees the name. Of two copies of one state directory
        the one that registered last is the agent; the other gets Cloned.
        """
        who = _introduction(request)
        own_hash = bytes.fromhex(request.credential_sha256) if request.credential_sha256 else None
        async with self._db.transaction() as session:
            epoch = await read_epoch(session)
            self._db.epochs.note(epoch)
            known = await lock_agent(session, agent_id=principal.agent_id, name=who.name)
            is_clone = False
            if known is None:
                agent_id, is_new = new_id(), True
                if not await insert_agent(session, agent_id, who, principal.key_id, self._lease_secs):
                    raise NameTaken(f"an agent named '{who.name}' is being registered right now; try again")
            else:
                agent_id, is_new = known.id, False
                key_id = await self._key_that_speaks(session, principal, known, own_hash)
                is_clone = shows_older_mark(known.state_mark, request)
            if known is not None and is_clone:
                await self._tell_of_clone(session, known, request)
            elif known is not None:
                await self._refuse_taken_name(session, known, who.name)
                await update_agent(session, agent_id, who, key_id, self._lease_secs)
            if not is_clone:
                if own_hash is not None and principal.agent_id is None:
                    key_id = await insert_credential(session, agent_id, who.name, own_hash)
                    await set_agent_key(session, agent_id, key_id)
                await add_events(session, [_registered(agent_id, who, principal)])
        if is_clone:
            self._hints.hint(EVENTS)
            raise Cloned(
                f"another copy of this state directory has registered as '{who.name}' since; "
                "give this host a fresh state directory and a name of its own"
            )
        log.info("agent_registered", agent_id=str(agent_id), agent=who.name, is_new=is_new)
        self._hints.hint(agent_topic(agent_id))
        self._hints.hint(KEYS)
        self._hints.hint(EVENTS)
        return Registration(agent_id, epoch)

    async def register_local(self, request: RegisterRequest) -> Registration:
        """The agent inside a controller: no key speaks for it, nobody outside can."""
        who = _introduction(request, agent_type="local")
        async with self._db.transaction() as session:
            epoch = await read_epoch(session)
            self._db.epochs.note(epoch)
            known = await lock_agent(session, agent_id=None, name=who.name)
            agent_id = known.id if known else new_id()
            if known:
                await update_agent(session, agent_id, who, None, self._lease_secs)
            else:
                await insert_agent(session, agent_id, who, None, self._lease_secs)
        self._hints.hint(agent_topic(agent_id))
        return Registration(agent_id, epoch)

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

    async def _tell_of_clone(
        self, session: Session, known: RegisteredAgent, request: RegisterRequest
    ) -> None:
        """Say once of each copy that it exists."""
        mark = request.state_mark or request.next_state_mark
        if mark is None or not await note_clone(session, known.id, mark):
            return
        log.error("agent_cloned", agent_id=str(known.id), agent=known.name, hostname=request.hostname)
        where = f"the copy called from host '{request.hostname}'" if request.hostname else None
        await add_events(
            session,
            [
                NewEvent(
                    kind="agent.cloned",
                    severity="error",
                    message=f"The state directory of agent '{known.name}' was copied; the copy was refused",
                    agent_id=known.id,
                    details=where,
                )
            ],
        )

    async def _refuse_taken_name(self, session: Session, known: RegisteredAgent, name: str) -> None:
        if name != known.name and await lock_agent(session, agent_id=None, name=name) is not None:
            raise NameTaken(f"another agent is named '{name}'")


def shows_older_mark(stored: UUID | None, request: RegisterRequest) -> bool:
    """Whether the caller's state directory is a copy of one that has registered since. Pure.

    The next mark counts too: the answer to the call that set it may have been lost. Agents that know nothing of
    marks are let in.
    """
    if stored is None or request.next_state_mark is None:
        return False
    return stored not in (request.state_mark, request.next_state_mark)


def _introduction(request: RegisterRequest, *, agent_type: str | None = None) -> Introduction:
    return Introduction(
        name=request.name,
        agent_type=agent_type or ("custom" if request.agent_type == "custom" else "standard"),
        tags=list(dict.fromkeys(request.tags)),
        task_types=list(dict.fromkeys(request.task_types or ())),
        declared_task_types=[one.given() for one in request.custom_task_types],
        hostname=request.hostname,
        address=request.address,
        port=request.port,
        capacity=request.capacity,
        version=request.version,
        protocol=request.protocol,
        incarnation=request.incarnation,
        system_info=request.system_info,
        state_mark=request.next_state_mark if agent_type is None else None,
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
