"""The schedules of groups: when one is due its roots start, once, however many controllers there are.

What waits for the instant is an entry of the outbox that is due then. Its handler starts the roots and writes the entry
for the next instant, in the transaction that deletes it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, OUTBOX, Hints
from tocsin_controller.scheduling import catchup
from tocsin_controller.scheduling.timing import Timing
from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox
from tocsin_controller.store.pipeline_schedules import lock_pipeline_schedule, move_pipeline_schedule
from tocsin_controller.workflow.launch import Announce, Launched
from tocsin_controller.workflow.outbox import AfterCommit
from tocsin_controller.workflow.pipelines import begin
from tocsin_shared.ids import occurrence_id
from tocsin_shared.pipelines import PipelineScheduleSet
from tocsin_shared.schedules import Catchup

#: The outbox's kind: a group's schedule is due.
PIPELINE_DUE: Final = "pipeline.due"
#: An instant that was missed for longer is not made up for.
CATCHUP_SECS: Final = 600.0


class PipelineClock:
    """Starts groups that are due."""

    def __init__(self, hints: Hints, definitions: Definitions, announce: Announce) -> None:
        self._hints = hints
        self._definitions = definitions
        self._announce_launched = announce

    async def handle(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit:
        """Start what is due; for the outbox."""
        started = [await self._fire(session, entry) for entry in entries]
        return lambda: self.announce([one for launched in started for one in launched])

    async def _fire(self, session: Session, entry: OutboxEntry) -> list[Launched]:
        generation = UUID(entry.payload["generation"])
        row = await lock_pipeline_schedule(session, generation)
        if row is None:  # changed or removed since
            return []
        group = row["group_name"]
        now = await read_clock(session)
        stored = PipelineScheduleSet.model_validate(
            {key: row[key] for key in ("schedule", "timezone", "dst")}
        )
        timing = timing_of_pipeline(stored, row["anchor"], group)
        due = datetime.fromisoformat(entry.payload["at"])
        plan = catchup.plan(timing, due, max(now, due), Catchup.LATEST, CATCHUP_SECS)
        missed = len(plan.missed) + plan.missed_more
        if missed:
            await add_events(session, [_missed(group, missed)])
        launched: list[Launched] = []
        for instant in plan.fire:
            trigger = {"type": "scheduler", "scheduled_for": instant.isoformat()}
            run_id = occurrence_id(generation, instant)
            begun = await begin(session, self._definitions, group, trigger, now=now, pipeline_run_id=run_id)
            launched.append(begun.launched)
        await arm(session, generation, plan.next_fire_at, now)
        await move_pipeline_schedule(session, generation, plan.next_fire_at)
        return launched

    def announce(self, launched: Sequence[Launched]) -> None:
        """Tell the dispatcher; call it after the commit."""
        for one in launched:
            self._announce_launched(one)
        self._hints.hint(EVENTS)
        self._hints.hint(OUTBOX)


def timing_of_pipeline(kept: PipelineScheduleSet, anchor: datetime, group: str) -> Timing:
    """When a group is due; intervals are counted from the anchor."""
    return Timing.of(kept.schedule, created_at=anchor, timezone=kept.timezone, dst=kept.dst, name=group)


async def arm(session: Session, generation: UUID, at: datetime | None, now: datetime) -> None:
    """Have the schedule fire at that instant; `now` is that of the transaction."""
    if at is not None:
        payload: dict[str, Any] = {"generation": str(generation), "at": at.isoformat()}
        await add_to_outbox(session, PIPELINE_DUE, [payload], delay_secs=(at - now).total_seconds())


def _missed(group: str, count: int) -> NewEvent:
    return NewEvent(
        kind="group.missed",
        severity="warning",
        message=f"Pipeline '{group}' was due {count} times while no controller could start it",
        details=group,
    )
