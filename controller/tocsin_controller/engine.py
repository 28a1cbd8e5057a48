"""The background of one controller: everything but its web server, wired together."""

from dataclasses import dataclass
from pathlib import Path

from tocsin_controller.counting import Counting
from tocsin_controller.definitions import Definitions
from tocsin_controller.dispatch.brake import BrakePace
from tocsin_controller.dispatch.claimer import Claimer
from tocsin_controller.dispatch.connecting import Connector
from tocsin_controller.dispatch.desk import AgentDesk, Pace
from tocsin_controller.dispatch.presence import Presence
from tocsin_controller.dispatch.reaper import Reaper, ReaperPace
from tocsin_controller.dispatch.simple_redaction import SimpleRedaction
from tocsin_controller.dispatch.substituting import Substituter
from tocsin_controller.dispatch.trials import TrialDesk
from tocsin_controller.hints import Hints
from tocsin_controller.indexing import Indexing
from tocsin_controller.maintenance import Maintenance
from tocsin_controller.scheduling.alerts.watching import Watchman
from tocsin_controller.scheduling.backfilling import BACKFILL, Backfiller
from tocsin_controller.scheduling.on_events import EVENT, EventStarter
from tocsin_controller.scheduling.pipelines import PIPELINE_DUE, PipelineClock
from tocsin_controller.scheduling.rescheduling import CHANGED, Rescheduler
from tocsin_controller.scheduling.resuming import RESUME, Resumer
from tocsin_controller.scheduling.ticker import Ticker
from tocsin_controller.security.sealing import Vault
from tocsin_controller.security.vault_keys import vault_from
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.supervisor import Service
from tocsin_controller.workflow.cancel import Canceller
from tocsin_controller.workflow.cascade import Cascade
from tocsin_controller.workflow.couriers import Courier
from tocsin_controller.workflow.ending import Ender
from tocsin_controller.workflow.forwarding import Forwards
from tocsin_controller.workflow.gates.approving import Approver
from tocsin_controller.workflow.gates.keeping import Gatekeeper
from tocsin_controller.workflow.judging import Judge
from tocsin_controller.workflow.known_leases import KnownLeases
from tocsin_controller.workflow.launch import Launcher
from tocsin_controller.workflow.losing import LossPace
from tocsin_controller.workflow.notifying.defaults import FleetDefaults
from tocsin_controller.workflow.notifying.noticing import NOTICE
from tocsin_controller.workflow.notifying.notifier import HELD_BACK, Notifier
from tocsin_controller.workflow.notifying.sending import Messages
from tocsin_controller.workflow.outbox import Outbox
from tocsin_controller.workflow.recording import Recorder
from tocsin_controller.workflow.rollouts.clock import RolloutClock
from tocsin_controller.workflow.rollouts.driving import ROLLOUT
from tocsin_controller.workflow.sinks.addresses import FluentAddress, SyslogAddress
from tocsin_controller.workflow.sinks.outlets import Outlets
from tocsin_controller.workflow.sinks.sending import Sinks
from tocsin_controller.workflow.steps import RUN_MOVED
from tocsin_shared.network import Reach


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything of a controller but its web server."""

    hints: Hints
    definitions: Definitions
    claimer: Claimer
    launcher: Launcher
    defaults: FleetDefaults
    canceller: Canceller
    approver: Approver
    desk: AgentDesk
    trials: TrialDesk
    maintenance: Maintenance
    loss_pace: LossPace
    outbox: Outbox
    pipeline_clock: PipelineClock
    #: What secrets are encrypted with.
    vault: Vault
    #: Where controllers may send output.
    reach: Reach
    services: dict[str, Service]


def build_engine(db: Database, settings: ControllerSettings) -> Engine:
    """Wire the parts together. Nothing runs yet."""
    hints = Hints(db)
    definitions = Definitions()
    pace = Pace(settings.heartbeat_secs, settings.poll_wait_secs, settings.lease_secs)
    defaults = FleetDefaults(db, hints)
    ender = Ender(hints, definitions, defaults, on_work=lambda lanes: claimer.on_work(lanes))
    loss_pace = LossPace(settings.lease_secs, settings.heartbeat_secs)
    known = KnownLeases()
    vault = vault_from(*settings.encryption_keys)
    substituter, connector = Substituter(vault), Connector(vault)
    claimer = Claimer(
        db, hints, definitions, ender, known, pace=loss_pace, substituter=substituter, connector=connector
    )
    canceller = Canceller(db, hints, ender)
    approver = Approver(definitions, ender)
    presence = Presence(db, hints, lease_secs=settings.lease_secs)
    reach = settings.reach
    recorder = Recorder(db, hints, ender, definitions, known, lease_secs=settings.lease_secs)
    trials = TrialDesk(db, hints, connector)
    desk = AgentDesk(
        db,
        hints,
        claimer=claimer,
        presence=presence,
        recorder=recorder,
        canceller=canceller,
        pace=pace,
        redaction=SimpleRedaction(db, definitions, substituter, connector),
        trials=trials,
    )
    reaper_pace = ReaperPace(loss=loss_pace, brake=BrakePace(settings.lease_secs, settings.lost_grace_secs))
    maintenance = Maintenance(
        db, retention_days=settings.retention_days, audit_retention_days=settings.audit_retention_days
    )
    launcher = Launcher(hints, claimer.on_work)
    outbox = Outbox(db, hints)
    outbox.register(RESUME, Resumer(hints).handle)
    outbox.register(ROLLOUT, RolloutClock(ender))
    cascade = Cascade(hints, definitions, launcher.announce)
    outbox.register(RUN_MOVED, cascade.handle)
    outbox.register(BACKFILL, Backfiller(hints, definitions, launcher.announce).handle, batch=10)
    starter = EventStarter(hints, definitions, launcher.announce, loop_limit=settings.event_loop_limit)
    outbox.register(EVENT, starter.handle, batch=20)
    outbox.register(CHANGED, Rescheduler(hints).handle, batch=1)
    notifier = Notifier(hints)
    outbox.register(NOTICE, notifier.handle)
    outbox.register(HELD_BACK, notifier.handle_held_back)
    pipeline_clock = PipelineClock(hints, definitions, launcher.announce)
    outbox.register(PIPELINE_DUE, pipeline_clock.handle)
    services: dict[str, Service] = {
        "hint-listener": hints.run_listener,
        "hint-sender": hints.run_sender,
        "ticker": Ticker(db, hints, definitions, on_work=claimer.on_work, announce=launcher.announce).run,
        "claimer": claimer.run,
        "recorder": recorder.run,
        "judge": Judge(db, hints, definitions, ender, vault).run,
        "forwarder": Courier(db, hints, reach, Forwards(db, reach)).run,
        "sinks": Courier(db, hints, reach, Sinks(db, _outlets(settings))).run,
        "messenger": Courier(db, hints, reach, Messages(db, vault, reach)).run,
        "presence": presence.run,
        "reaper": Reaper(db, hints, definitions, ender, reaper_pace).run,
        "outbox": outbox.run,
        "watchman": Watchman(db, hints, definitions).run,
        "gatekeeper": Gatekeeper(db, hints, definitions, approver, canceller, claimer.on_work).run,
        "maintenance": maintenance.run,
        "counting": Counting(db).run,
        "fleet-defaults": defaults.run,
        "indexing": Indexing(db).run,
    }
    return Engine(
        hints,
        definitions,
        claimer,
        launcher,
        defaults,
        canceller,
        approver,
        desk,
        trials,
        maintenance,
        loss_pace,
        outbox,
        pipeline_clock,
        vault,
        reach,
        services,
    )


def _outlets(settings: ControllerSettings) -> Outlets:
    return Outlets(
        log=settings.output_log,
        directories=tuple(map(Path, settings.output_directories)),
        syslog=None if settings.output_syslog is None else SyslogAddress.parse(settings.output_syslog),
        fluent=None if settings.output_fluent is None else FluentAddress.parse(settings.output_fluent),
    )
