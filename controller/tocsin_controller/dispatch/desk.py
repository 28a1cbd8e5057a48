"""Where agents come to: every call an agent makes, whichever way it reached this controller."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tocsin_controller.dispatch.call import Call
from tocsin_controller.dispatch.claimer import Claimer
from tocsin_controller.dispatch.presence import Presence
from tocsin_controller.dispatch.registration import Registrar, Registration
from tocsin_controller.dispatch.sessions import AgentSession, Sessions
from tocsin_controller.dispatch.simple import item_from, journal_from
from tocsin_controller.dispatch.simple_redaction import SimpleRedaction
from tocsin_controller.dispatch.trials import TrialDesk
from tocsin_controller.hints import EVENTS, KEYS, TRIALS, Hints, agent_topic
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.store.agents import Seen, delete_agent, set_custom_task_types
from tocsin_controller.store.database import Database
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.leasing import ExecutionState, execution_states, lock_leases
from tocsin_controller.targeting import agent_route
from tocsin_controller.workflow.cancel import Canceller
from tocsin_controller.workflow.recording import Recorder
from tocsin_shared.errors import NotFound, Superseded, Unavailable
from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.protocol import (
    EventsRequest,
    EventsResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    OutputLimits,
    PollRequest,
    PollResponse,
    Receipt,
    RegisterRequest,
    RegisterResponse,
    SimpleItem,
    SimpleResult,
)


@dataclass(frozen=True, slots=True)
class Pace:
    """The cadence that the server sets for its agents, in seconds."""

    heartbeat_secs: float = 10.0
    poll_wait_secs: float = 25.0
    lease_secs: float = 45.0
    output: OutputLimits = field(default_factory=OutputLimits)


class AgentDesk:
    """Registration, polls, heartbeats, uploads and removal of agents."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        *,
        claimer: Claimer,
        presence: Presence,
        recorder: Recorder,
        canceller: Canceller,
        pace: Pace,
        redaction: SimpleRedaction,
        trials: TrialDesk,
    ) -> None:
        self._db = db
        self._hints = hints
        self._claimer = claimer
        self._presence = presence
        self._recorder = recorder
        self._canceller = canceller
        self._pace = pace
        self._redaction = redaction
        self._trials = trials
        self._registrar = Registrar(db, hints, lease_secs=pace.lease_secs)
        self._sessions = Sessions(db)
        #: The native poll that each agent has parked here.
        self._parked: dict[UUID, Call] = {}
        hints.subscribe(agent_topic(""), self._on_agent_hint)
        hints.subscribe(TRIALS, self._on_trial_hint)

    async def register(self, principal: Principal, request: RegisterRequest) -> RegisterResponse:
        """Pair an agent, or greet one that is paired. Raises NameTaken or Cloned."""
        return self._greet(await self._registrar.register(principal, request))

    async def register_local(self, request: RegisterRequest) -> RegisterResponse:
        """Register the agent that runs inside this controller."""
        return self._greet(await self._registrar.register_local(request))

    async def authorize(self, principal: Principal, agent_id: UUID) -> None:
        """Raises NotFound unless this key speaks for that agent. Admins may act for any."""
        session = await self._sessions.get(agent_id)
        if session.facts.agent_type == "local":
            raise NotFound(f"there is no agent {agent_id}")
        if principal.role is Role.ADMIN or principal.agent_id == agent_id:
            return
        if principal.agent_id is None and principal.key_id == session.key_id:
            return
        raise NotFound(f"there is no agent {agent_id}")

    async def poll(self, agent_id: UUID, request: PollRequest) -> PollResponse:
        """A native long poll: answers at once when there is work or an order. Raises Superseded."""
        session = await self._session_of(agent_id, request.incarnation)
        earlier = self._parked.pop(agent_id, None)
        if earlier is not None:
            self._claimer.withdraw(earlier)
        session.unconfirmed.difference_update(held.execution_id for held in request.running)
        needs_audit = session.needs_audit(request.seq)
        session.last_seq = request.seq
        self._presence.note(agent_id, held=request.running)
        call = Call(session, request.incarnation, request.seq, request.slots, request.running, is_native=True)
        self._parked[agent_id] = call
        wait_secs = request.wait_secs
        if self._trials.may_want(agent_id):
            wait_secs = 0
            session.expect_audit()
        try:
            response = await self._wait(call, wait_secs, audit=needs_audit)
        finally:
            if self._parked.get(agent_id) is call:
                del self._parked[agent_id]
        if self._trials.may_want(agent_id):
            with suppress(Unavailable):  # what else it carries must not be lost; trials are hinted again
                response.trials = await self._trials.take(agent_id)
        return response

    async def next_simple(self, agent_id: UUID, wait_secs: float) -> SimpleItem | None:
        """One item for a simple agent; handing it out counts as started."""
        session = await self._sessions.get(agent_id)
        self._presence.note(agent_id)
        call = Call(session, session.incarnation, None, 1, (), is_native=False)
        response = await self._wait(call, wait_secs, audit=False)
        return item_from(response.executions[0], agent_id) if response.executions else None

    async def heartbeat(self, agent_id: UUID, request: HeartbeatRequest) -> HeartbeatResponse:
        """Renews the agent's lease and those of its executions; carries orders. Raises Superseded."""
        session = await self._session_of(agent_id, request.incarnation)
        held = request.running or ()
        status = "draining" if request.draining else "online"
        self._presence.note(agent_id, Seen(status, request.load or None, request.spool or None), held)
        if request.tried:
            await self._trials.settle(agent_id, request.tried)
        if not held:
            return HeartbeatResponse()
        call = Call(session, request.incarnation, None, 0, held, is_native=True)
        orders = await self._wait(call, self._pace.heartbeat_secs, audit=True)
        return HeartbeatResponse(cancel=orders.cancel, stop=orders.stop)

    async def upload(self, agent_id: UUID, request: EventsRequest) -> EventsResponse:
        """Records a piece of the agent's journal; answered once it is committed."""
        session = self._sessions.known(agent_id)
        routes = session.routes if session is not None else ()
        receipts = await self._recorder.record(agent_id, request.events, routes)
        if session is not None:
            session.unconfirmed.difference_update(event.execution_id for event in request.events)
        return EventsResponse(receipts=receipts)

    async def simple_result(self, principal: Principal, result: SimpleResult) -> None:
        """A simple agent reports an end. Raises NotFound for executions of others; repeating is harmless."""
        async with self._db.transaction() as session:
            ids = [result.execution_id]
            lease = (await lock_leases(session, ids)).get(result.execution_id)
            holder = lease or (await execution_states(session, ids)).get(result.execution_id)
        if holder is None:
            raise NotFound(f"there is no execution {result.execution_id}")
        agent_id, fence = holder.agent_id, holder.fence
        if isinstance(holder, ExecutionState) and holder.status == ExecutionStatus.PENDING:
            # Nobody has it, as far as the database remembers; perhaps the part that was lost handed it out.
            agent_id, fence = result.agent_id or principal.agent_id, self._db.epochs.last_fence_before
        if agent_id is None:
            raise NotFound(f"there is no execution {result.execution_id}")
        try:
            await self.authorize(principal, agent_id)
            routes = (await self._sessions.get(agent_id)).routes
        except NotFound:
            raise NotFound(f"there is no execution {result.execution_id}") from None
        clean = await self._redaction.clean(holder, result)
        receipts = await self._recorder.record(agent_id, journal_from(clean, fence), routes)
        if any(one.receipt is Receipt.UNKNOWN for one in receipts):
            raise NotFound(f"there is no execution {result.execution_id}")
        self._presence.note(agent_id)

    def send_away(self) -> None:
        """The controller stops: parked polls are answered now, so that agents turn to another."""
        for call in list(self._parked.values()):
            self._claimer.withdraw(call)

    async def remove(self, agent_id: UUID, *, by: Principal) -> None:
        """Unpair: what only it could take is cancelled, what it has is lost, its credential dies."""
        await self._sessions.get(agent_id)
        async with self._db.transaction() as session:
            name = await delete_agent(session, agent_id)
            if name is None:
                raise NotFound(f"there is no agent {agent_id}")
            lost = await self._canceller.lose_leases(session, agent_id)
            cancelled = await self._canceller.cancel_route(session, agent_route(agent_id))
            event = NewEvent(
                kind="agent.unpaired",
                severity="warning",
                message=f"Agent '{name}' was removed by {by.name}",
                agent_id=agent_id,
                api_key_id=by.key_id,
                api_key_name=by.name,
            )
            await add_events(session, [event])
            await add_audit(session, by, "agent.deregistered", "agent", agent_id, f"'{name}'")
        self._canceller.announce(lost)
        self._canceller.announce(cancelled)
        self._presence.forget(agent_id)
        self._hints.hint(agent_topic(agent_id))
        self._hints.hint(KEYS)
        self._hints.hint(EVENTS)

    async def set_task_types(
        self, agent_id: UUID, task_types: Sequence[dict[str, Any]], *, by: Principal
    ) -> None:
        """Keep what people said a third-party agent can do."""
        async with self._db.transaction() as session:
            if not await set_custom_task_types(session, agent_id, task_types):
                raise NotFound(f"there is no agent {agent_id}")
            names = ", ".join(str(one.get("name")) for one in task_types)[:500]
            await add_audit(session, by, "agent.task_types_set", "agent", agent_id, names)

    async def _session_of(self, agent_id: UUID, incarnation: UUID | None) -> AgentSession:
        session = await self._sessions.get(agent_id)
        if incarnation is not None and session.incarnation != incarnation:
            self._sessions.changed(agent_id)  # it may just have registered with another controller
            session = await self._sessions.get(agent_id)
            if session.incarnation != incarnation:
                raise Superseded("a newer process of this agent has registered; this one must stop")
        return session

    async def _wait(self, call: Call, wait_secs: float, *, audit: bool) -> PollResponse:
        """Until there is an answer or the time is over."""
        self._claimer.submit(call, audit=audit)
        try:
            await asyncio.wait({call.answer}, timeout=wait_secs)
        finally:
            self._claimer.withdraw(call)
        return await call.answer

    def _on_agent_hint(self, agent_id: str | None) -> None:
        """Orders wait for an agent, or it changed: what it has parked here is looked at again."""
        if agent_id is None:
            self._sessions.changed_all()
            return
        key = UUID(agent_id)
        self._sessions.changed(key)
        call = self._parked.get(key)
        if call is not None:
            self._claimer.look_again(call)

    def _on_trial_hint(self, agent_id: str | None) -> None:
        """An agent is to try connections: a poll of its that is parked here is answered with them."""
        if agent_id is None:
            return  # who waits for them hints again
        key = UUID(agent_id)
        self._trials.note(key)
        call = self._parked.get(key)
        if call is not None:
            call.session.expect_audit()
            self._claimer.withdraw(call)

    def _greet(self, registration: Registration) -> RegisterResponse:
        return RegisterResponse(
            agent_id=registration.agent_id,
            heartbeat_interval_secs=self._pace.heartbeat_secs,
            poll_wait_secs=self._pace.poll_wait_secs,
            lease_secs=self._pace.lease_secs,
            output=self._pace.output,
            epoch=registration.epoch,
        )
