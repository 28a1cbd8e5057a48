"""The agent: registers, takes work, runs it, reports it. Usable inside another process."""

import asyncio
import socket
from collections.abc import Container, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

from tocsin_agent.connecting.ordered import Trials
from tocsin_agent.contact import Contact
from tocsin_agent.executor import Executor
from tocsin_agent.heartbeat import Heartbeat
from tocsin_agent.host_info import system_info
from tocsin_agent.identity import Identity, StateDir, state_error
from tocsin_agent.intake import Intake
from tocsin_agent.journal.journal import DEFAULT_MAX_BYTES, OUTPUT_DIR, Journal
from tocsin_agent.journal.log import JournalError
from tocsin_agent.link import ControllerLink
from tocsin_agent.offer import Offer
from tocsin_agent.policy import Policy
from tocsin_agent.poller import Poller
from tocsin_agent.recovery import Recovery
from tocsin_agent.registration import Cloned, Registration
from tocsin_agent.runtime.adoption import living_keepers
from tocsin_agent.runtime.cgroups import Cgroups, open_cgroups
from tocsin_agent.runtime.keeper import KeeperMissing, Nursery, find_keeper
from tocsin_agent.runtime.supervisor import Keeping
from tocsin_agent.self_fencing import SelfFencing
from tocsin_agent.tasks.docker.sockets import find_engine
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_agent.uploader import Uploader
from tocsin_agent.vitals import Vitals
from tocsin_agent.winding_down import LAST_GRACE_SECS, Ending, wind_down
from tocsin_shared.ids import new_id
from tocsin_shared.logs import log
from tocsin_shared.protocol import MAX_POLL_WAIT_SECS, PROTOCOL_VERSION, RegisterRequest

#: Polls ask for at least this wait: a controller that wants none would be asked without end.
SHORTEST_WAIT_SECS = 0.5
#: The groups of what jobs left in the background are looked at this often.
SWEEP_EVERY_SECS = 60.0
#: Superseded again this soon after having registered again: somebody else insists on being this agent.
SUPERSEDED_AGAIN_SECS = 600.0
#: An agent that ends gives a controller so long to hear that it takes nothing more.
FAREWELL_SECS = 2.0


class Superseded(Exception):
    """Another process registers as this agent again and again; this one has to end."""


class Agent:
    """One agent. `run` returns after `drain`; everything it accepted is in its state directory."""

    def __init__(
        self,
        *,
        link: ControllerLink,
        state_dir: Path,
        name: str,
        tags: Sequence[str] = (),
        capacity: int = 4,
        max_batch: int = 16,
        min_free_bytes: int = 64 * 1024 * 1024,
        journal_max_bytes: int = DEFAULT_MAX_BYTES,
        journal_max_results: int = 100_000,
        enrolment_key: str | None = None,
        cgroup: str = "auto",
        is_leashed: bool = False,
        policy: Policy | None = None,
        offer: Offer | None = None,
        docker_socket: Path | None = None,
    ) -> None:
        """`cgroup`: see `runtime.cgroups.open_cgroups`. `is_leashed`: jobs end with this agent, whatever ends it.

        `docker_socket`: see `tasks.docker.sockets.find_engine`.
        """
        self._link = link
        self._state = StateDir(state_dir)
        self._name = name
        self._tags = list(tags)
        self._capacity = capacity
        self._max_batch = max_batch
        self._min_free_bytes = min_free_bytes
        self._journal_max_bytes = journal_max_bytes
        self._journal_max_results = journal_max_results
        self._enrolment_key = enrolment_key
        self._incarnation = new_id()
        self._offer = offer
        self._registry = TaskRegistry() if offer is None else offer.registry
        self._ready = asyncio.Event()
        self._registered = asyncio.Event()
        self._must_register = asyncio.Event()
        self._stopping = asyncio.Event()
        self._finished = asyncio.Event()
        self._ending = Ending()
        self._cgroup = cgroup
        self._is_leashed = is_leashed
        self._policy = policy or Policy()
        self._docker_socket = docker_socket
        self._left: list[UUID] = []
        self._is_superseded = False
        self._fenced: str | None = None
        self._superseded_at: float | None = None
        self._executor: Executor | None = None
        self._trials: Trials | None = None
        self._contact: Contact | None = None
        self._intake: Intake | None = None

    @property
    def running(self) -> int:
        """Executions that run now."""
        return self._executor.running if self._executor else 0

    async def wait_until_ready(self) -> None:
        """Return once the journal is open and what an earlier process left is seen to."""
        await self._ready.wait()

    @property
    def summary(self) -> str:
        """How it stands, in one line for people."""
        if self._contact is None or self._intake is None or not self._registered.is_set():
            return "Waiting for the controller to register with"
        running = f"{self.running} running"
        if not self._contact.is_up:
            return f"The controller does not answer; {running}"
        if self._intake.stopped_because:
            return f"Taking no work: {self._intake.stopped_because}; {running}"
        return f"In contact with the controller; {running}"

    async def wait_until_registered(self) -> None:
        """Return once the controller knows this agent."""
        await self._registered.wait()

    async def drain(self, grace_secs: float) -> None:
        """Take no more work, let what runs finish for so long, end the rest, report all. Returns when done."""
        self.begin_drain(grace_secs)
        await self._finished.wait()

    def begin_drain(self, grace_secs: float) -> None:
        """Like `drain`, without waiting."""
        self._ending.grace_secs = grace_secs
        self._stopping.set()

    def begin_hand_over(self, grace_secs: float) -> None:
        """Take no more work and end, while processes go on: the next agent with this directory adopts them.

        Tasks that live inside the agent may take so long to finish.
        """
        self._ending.hands_over = True
        self.begin_drain(grace_secs)

    @property
    def left_running(self) -> int:
        """Processes that were handed over."""
        return len(self._left)

    def change_policy(self, policy: Policy) -> None:
        """From now on; what runs already is not judged again. Controllers hear which types are run."""
        self._policy = policy
        if self._executor is not None:
            self._executor.policy = policy
        if self._trials is not None:
            self._trials.policy = policy
        self._must_register.set()

    def cancel_all(self) -> None:
        """End everything that runs, now."""
        self._ending.hands_over = False
        if self._executor is not None:
            self._executor.stop_all("agent_stopped", LAST_GRACE_SECS)

    async def run(self) -> None:
        """Until drained or cancelled. Raises StateError, Superseded, Cloned."""
        try:
            with self._state.locked():
                await self._run()
        finally:
            self._finished.set()
        if self._is_superseded:
            raise Superseded("another process registers as this agent again and again; only one may")

    async def _run(self) -> None:
        registration = Registration(
            self._link,
            self._state,
            Identity.open(self._state, self._name),
            self._introduction,
            enrolment_key=self._enrolment_key,
        )
        earlier = Vitals.read(self._state.vitals_file)
        contact = Contact(earlier.contact if earlier else None)
        keepers = living_keepers(self._state.journal_dir / OUTPUT_DIR)
        journal = self._open_journal(keepers.here)
        self._offer_docker()
        cgroups = open_cgroups(self._cgroup, self._state.path)
        keeping = Keeping(self._nursery(journal.output_dir), journal.output_dir, cgroups, self._is_leashed)
        intake = Intake(journal, max_results=self._journal_max_results, min_free_bytes=self._min_free_bytes)
        self._contact, self._intake = contact, intake
        executor = Executor(
            journal,
            self._registry,
            keeping,
            policy=self._policy,
            on_news=lambda execution_id, urgent: uploader.on_news(execution_id, urgent),
            on_slot=lambda: poller.on_slot(),
        )
        self._executor = executor
        uploader = Uploader(
            journal,
            self._link,
            refused_dir=self._state.refused_dir,
            contact=contact,
            ask_for_contact=lambda: heartbeat.beat_now(),
            disown=executor.disown,
            on_unknown_agent=self._must_register.set,
        )
        self_fencing = SelfFencing(journal, contact, executor.self_fence, executor.fence_at)
        self._trials = trials = Trials(self._policy, on_result=lambda: heartbeat.beat_now())
        poller = Poller(
            journal,
            self._link,
            executor,
            contact,
            intake,
            trials,
            capacity=self._capacity,
            max_batch=self._max_batch,
            on_unknown_agent=self._must_register.set,
            on_superseded=self._supersede,
        )
        heartbeat = Heartbeat(
            self._link,
            executor,
            contact,
            intake,
            trials,
            held=poller.held,
            is_draining=lambda: poller.is_draining,
            on_superseded=self._supersede,
            on_beat=lambda: self._note_vitals(contact, intake),
        )
        tasks = [
            asyncio.create_task(journal.run(), name="journal"),
            asyncio.create_task(uploader.run(), name="uploader"),
            asyncio.create_task(_sweep(cgroups, journal), name="sweeper"),
            asyncio.create_task(self_fencing.run(), name="self-fencing"),
            asyncio.create_task(
                self._stay_registered(registration, executor, uploader, poller, heartbeat), name="registered"
            ),
        ]
        try:
            await Recovery(journal, executor, keepers).settle_the_past()
            self._ready.set()
            await self._until_stopped(tasks)
            poller.drain()
            heartbeat.beat_now()
            self._left = await wind_down(executor, uploader, self._ending)
            if contact.is_up:
                with suppress(TimeoutError):
                    await asyncio.wait_for(poller.wait_until_nothing_comes(), FAREWELL_SECS)
        except Cloned:
            # Which copy has the right to what runs here is for people to say: it goes on.
            self._left = await executor.hand_over()
            raise
        finally:
            await executor.abandon()
            if keeping.nursery is not None:
                keeping.nursery.close()
            if cgroups is not None:
                cgroups.close()
            await _flush(journal)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await trials.close()
            journal.close()
            self._note_vitals(contact, intake)

    def _offer_docker(self) -> None:
        """Only where there is an engine."""
        if self._offer is not None:
            return
        engine = find_engine(self._docker_socket)
        if engine is None:
            self._registry.withhold("docker_build")
        else:
            self._registry.configure("docker_build", engine=engine)

    def _nursery(self, directory: Path) -> Nursery | None:
        """What starts processes; without it this agent only offers tasks that need none."""
        if self._offer is not None:
            return None
        try:
            return Nursery(find_keeper(), directory)
        except KeeperMissing as error:
            log.error("shell_not_offered", why=str(error))
            self._registry.withhold("shell")
            self._registry.withhold("script")
            return None

    def _open_journal(self, being_written: Container[UUID]) -> Journal:
        try:
            return Journal(
                self._state.journal_dir, max_bytes=self._journal_max_bytes, being_written=being_written
            )
        except OSError as error:
            message = f"the journal in {self._state.journal_dir} can't be opened: {error.strerror}"
            raise state_error(message, error) from error

    def _note_vitals(self, contact: Contact, intake: Intake) -> None:
        Vitals(
            contact=contact.last,
            is_in_contact=contact.is_up,
            intake_stopped=intake.stopped_because,
            fenced=self._fenced or ("superseded" if self._is_superseded else None),
        ).write(self._state.vitals_file)

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        """Until the agent is to stop, or one of its parts fails (which is a bug, and is raised)."""
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stop}:
                task.result()
        finally:
            stop.cancel()

    async def _stay_registered(
        self,
        registration: Registration,
        executor: Executor,
        uploader: Uploader,
        poller: Poller,
        heartbeat: Heartbeat,
    ) -> None:
        """Register, poll and beat; register again whenever the controller does not know this agent."""
        while True:
            self._must_register.clear()
            try:
                answer = await registration.register()
            except Cloned:
                self._fenced = "cloned"
                raise
            executor.limits = answer.output
            uploader.agent_id, uploader.flush_secs = answer.agent_id, answer.output.flush_secs
            poller.wait_secs = min(max(answer.poll_wait_secs, SHORTEST_WAIT_SECS), MAX_POLL_WAIT_SECS)
            poller.epoch = registration.identity.epoch
            heartbeat.every_secs = answer.heartbeat_interval_secs
            poller.freshness.set_pace(answer.heartbeat_interval_secs)
            log.info("agent_registered", agent=registration.identity.name, agent_id=str(answer.agent_id))
            self._registered.set()
            loops = [
                asyncio.create_task(poller.run(answer.agent_id, self._incarnation), name="poller"),
                asyncio.create_task(heartbeat.run(answer.agent_id, self._incarnation), name="heartbeat"),
                asyncio.create_task(self._must_register.wait(), name="unknown"),
            ]
            try:
                done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)

    def _introduction(self, identity: Identity) -> RegisterRequest:
        return RegisterRequest(
            name=identity.name,
            tags=self._tags,
            hostname=socket.gethostname(),
            agent_type="standard" if self._offer is None else "custom",
            custom_task_types=[] if self._offer is None else list(self._offer.task_types),
            task_types=[one for one in self._registry.available() if self._policy.allows_type(one)],
            protocol=PROTOCOL_VERSION,
            version=version("tocsin-agent"),
            incarnation=self._incarnation,
            capacity=self._capacity,
            credential_sha256=identity.credential_sha256,
            state_mark=identity.state_mark,
            next_state_mark=identity.next_state_mark,
            system_info=system_info(),
        )

    def _supersede(self) -> None:
        """Another process speaks for this agent, though this one holds the directory's lock.

        Registering again tells what that is: a copy of the directory (then the controller says `cloned`), or
        a controller whose database went back to an earlier state (then all is well again). A controller that
        knows no marks would let two copies take turns for ever, hence the end when it happens again soon.
        """
        if self._must_register.is_set():
            return
        now = asyncio.get_running_loop().time()
        if self._superseded_at is None or now - self._superseded_at > SUPERSEDED_AGAIN_SECS:
            self._superseded_at = now
            log.warning("agent_superseded", why="another process registered as this agent; registering again")
            self._must_register.set()
            return
        if not self._is_superseded:
            log.error("agent_superseded", why="another process registers as this agent again and again")
        self._is_superseded = True
        self.begin_drain(0.0)


async def _flush(journal: Journal) -> None:
    """Let what was settled last reach the file; without it the next start would only deliver it again."""
    with suppress(JournalError, TimeoutError):
        async with asyncio.timeout(2):
            await journal.commit([], durable=False)


async def _sweep(cgroups: Cgroups | None, journal: Journal) -> None:
    """Remove the groups of executions that are over, once what they left in the background is."""
    while cgroups is not None:
        await asyncio.to_thread(cgroups.sweep, list(journal.entries))
        await asyncio.sleep(SWEEP_EVERY_SECS)
    await asyncio.Event().wait()
