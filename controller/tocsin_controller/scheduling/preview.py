"""Shows when a schedule will be due, with a word on each fire that a clock change moves or doubles."""

from datetime import UTC, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from tocsin_controller.scheduling.blackouts import Stretch, stretch_around
from tocsin_controller.scheduling.calendar_days import SEARCH_YEARS
from tocsin_controller.scheduling.checking import mistakes, refusal
from tocsin_controller.scheduling.cron_fires import calendar_fires, cron_fires
from tocsin_controller.scheduling.cron_syntax import depends_on_name
from tocsin_controller.scheduling.fires import Fire, next_fire
from tocsin_controller.scheduling.named_calendars import Calendars
from tocsin_controller.scheduling.spreading import jitter
from tocsin_controller.scheduling.timing import AfterFinish, Calendar, Cron, Once, OnDemand, Timing
from tocsin_controller.scheduling.zones import EPOCH, load_zone, period_at
from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.calendars import Blackout
from tocsin_shared.errors import FieldError
from tocsin_shared.event_schedules import EventSchedule
from tocsin_shared.schedules import CronSchedule, FireNote, Preview, PreviewFire, PreviewRequest


def preview(request: PreviewRequest, now: datetime, calendars: Calendars | None = None) -> Preview:
    """The next `count` fires after `request.after` or now. Raises InvalidInput for what `mistakes` finds.

    An interval without `starts_at` is counted from now, as if the job were created at this moment.
    """
    if missing := _missing(request, calendars or {}):
        raise refusal(missing)
    timing = Timing.of(
        request.schedule,
        created_at=now.replace(microsecond=0),
        timezone=request.timezone,
        dst=request.dst,
        starts_at=request.starts_at,
        expires_at=request.expires_at,
        name=request.name or "",
        calendars=calendars or {},
    )
    if request.name is None and (request.jitter_secs or _depends_on_name(request)):
        raise refusal([FieldError("name", "is needed: H and jitter_secs depend on the job's name")])
    if errors := mistakes(timing):
        raise refusal(errors)
    after = (request.after or now).astimezone(UTC)
    fires: list[PreviewFire] = []
    zone = load_zone(timing.timezone)
    moment = after
    most = 1 if isinstance(timing.rule, AfterFinish) else request.count
    while len(fires) < most and (fire := next_fire(timing, moment)):
        fires.append(_shown(fire, timing, zone, request, calendars or {}))
        moment = fire.at
    is_on_event = isinstance(request.schedule, EventSchedule)
    note = _why_fewer(timing, after, is_on_event=is_on_event) if len(fires) < request.count else None
    return Preview(fires=fires, timezone=timing.timezone, note=note)


def _depends_on_name(request: PreviewRequest) -> bool:
    return isinstance(request.schedule, CronSchedule) and depends_on_name(request.schedule.value)


def _shown(
    fire: Fire, timing: Timing, zone: ZoneInfo, request: PreviewRequest, calendars: Calendars
) -> PreviewFire:
    dark = stretch_around([calendars[name] for name in request.blackouts], timing.timezone, fire.at)
    notes = [*fire.notes, *([FireNote.BLACKOUT] if dark else [])]
    local = fire.at.astimezone(zone)
    wall_clock = local.replace(tzinfo=None).isoformat()
    return PreviewFire(
        at=fire.at,
        local=wall_clock,
        utc_offset=local.isoformat()[len(wall_clock) :],
        notes=notes,
        starts_at=fire.at + jitter(request.name or "", fire.at, request.jitter_secs)
        if request.jitter_secs
        else None,
        explanation=_explanation(fire, timing, local, dark) if notes else None,
    )


def _missing(request: PreviewRequest, calendars: Calendars) -> list[FieldError]:
    used = {"blackouts": request.blackouts}
    if isinstance(request.schedule, CalendarSchedule):
        used["schedule.value.calendars"] = request.schedule.value.calendars
    return [
        FieldError(f"{field}.{number}", f"there is no calendar '{name}'")
        for field, names in used.items()
        for number, name in enumerate(names)
        if name not in calendars
    ]


def _explanation(fire: Fire, timing: Timing, local: datetime, dark: Stretch | None) -> str:
    sentences = [_of_clock_change(fire, timing, local)] if fire.notes else []
    if dark is not None and dark.policy is Blackout.SKIP:
        sentences.append(f"Due in {dark.why}, so it is skipped.")
    elif dark is not None:
        end = f"{dark.end:%Y-%m-%d %H:%M:%S} UTC"
        sentences.append(
            f"Due in {dark.why}: the first occurrence waits until {end}, later ones are skipped."
        )
    return " ".join(sentences)


def _of_clock_change(fire: Fire, timing: Timing, local: datetime) -> str:
    moment = (fire.at - EPOCH) // timedelta(seconds=1)
    period = period_at(timing.timezone, moment)
    note = fire.notes[0]
    match note:
        case FireNote.DST_GAP:
            skipped_from, skipped_to = _change(period.start, period.offset_before, period.offset)
            return (
                f"The clocks go forward from {skipped_from} to {skipped_to}, so what was due in between "
                f"runs at the first instant after it."
            )
        case FireNote.DST_FIRST:
            back_from, back_to = _change(period.end, period.offset, period.offset_after)
            rule = "and again the second time" if _fires_on_repeat(timing) else "and only then"
            return (
                f"The clocks go back from {back_from} to {back_to}, so {local:%H:%M:%S} comes twice; "
                f"it runs the first time {rule}."
            )
        case FireNote.DST_SECOND:
            back_from, back_to = _change(period.start, period.offset_before, period.offset)
            return (
                f"The clocks have gone back from {back_from} to {back_to}, so {local:%H:%M:%S} comes twice; "
                f"this is the second time."
            )
        case FireNote.BLACKOUT:  # pragma: no cover - schedules know nothing of it
            return ""
        case _:
            assert_never(note)


def _fires_on_repeat(timing: Timing) -> bool:
    match timing.rule:
        case Cron(expression, key):
            return cron_fires(expression, timing.timezone, timing.dst, key).fires_on_repeat
        case Calendar(days):
            return calendar_fires(days, timing.timezone, timing.dst).fires_on_repeat
        case _:
            return False


def _change(moment: int, before: int, after: int) -> tuple[str, str]:
    """What the wall clock shows as it is changed, and right after; with the date when that is another."""
    old, new = (EPOCH + timedelta(seconds=moment + offset) for offset in (before, after))
    form = "%H:%M:%S" if old.date() == new.date() else "%Y-%m-%d %H:%M:%S"
    return old.strftime(form), new.strftime(form)


def _why_fewer(timing: Timing, after: datetime, *, is_on_event: bool) -> str:
    if is_on_event:
        return "This schedule is due whenever a matching event happens."
    if isinstance(timing.rule, OnDemand):
        return "This schedule is never due by itself; it runs when triggered."
    if isinstance(timing.rule, Once):
        if timing.rule.at <= after:
            return "The instant has passed; a job saved with it now runs at once."
        return "This schedule is due once."
    if timing.expires_at is not None:
        return f"Nothing more is due before it expires at {timing.expires_at:%Y-%m-%d %H:%M:%S} UTC."
    if isinstance(timing.rule, AfterFinish):
        return f"Each next one is due {timing.rule.interval_secs} s after the last run has ended."
    if isinstance(timing.rule, Calendar):
        return f"Nothing more is due within {SEARCH_YEARS} years."
    return "Nothing more is due before the year 10000."
