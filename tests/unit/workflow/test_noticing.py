"""Whether an end is told, and how much is told in an hour."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tocsin_controller.store.notices import Bound
from tocsin_controller.workflow.notifying.bounding import FLEET, SYSTEM, WINDOW, Admission, admit, secs_left
from tocsin_controller.workflow.notifying.noticing import is_told, is_wanted, minds_end, offline_notices
from tocsin_controller.workflow.notifying.wording import held_back
from tocsin_shared.notifications import Told

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ABOUT = UUID(int=7)


@pytest.mark.parametrize(
    ("told", "status", "reason", "minds", "tells"),
    [
        (Told(), "failed", "exit_code", False, False),
        (Told(on_failure=True), "failed", "exit_code", True, True),
        (Told(on_failure=True), "lost", None, True, True),
        (Told(on_failure=True), "cancelled", None, False, False),
        (Told(on_failure=True), "succeeded", None, False, False),
        (Told(on_success=True), "succeeded", None, True, True),
        (Told(on_success=True), "failed", None, False, False),
        (Told(on_assertion_failure=True), "failed", "assertion_failed", True, True),
        (Told(on_assertion_failure=True), "failed", "exit_code", True, False),
        (Told(on_recovery=True), "succeeded", None, True, False),
    ],
)
def test_an_end_is_told_to_those_who_asked(
    told: Told, status: str, reason: str | None, minds: bool, tells: bool
) -> None:
    assert (minds_end(told, status), is_told(told, status, reason)) == (minds, tells)


def test_deadlines_and_alerts_are_asked_for_apart() -> None:
    assert not is_wanted(Told(on_sla=False), ["sla.breach"])
    assert not is_wanted(Told(on_alert=False), ["job.failing"])
    assert is_wanted(Told(on_alert=False), ["run.failed", "job.failing"])


def test_an_hour_has_room_for_so_many_and_the_rest_is_counted() -> None:
    bound = Bound(ABOUT, NOW)
    seen = []
    for minute in range(5):
        admission = admit(bound, 2, NOW + timedelta(minutes=minute))
        bound = admission.bound
        seen.append((admission.is_told, admission.is_first_held))
    assert seen == [(True, False), (True, False), (False, True), (False, False), (False, False)]
    assert (bound.told, bound.held_back) == (2, 3)
    assert secs_left(bound, NOW + timedelta(minutes=50)) == 600
    assert not admit(bound, 2, NOW + WINDOW).is_told, "first it is told how many were held back"
    assert admit(Bound(ABOUT, NOW, 2), 2, NOW + WINDOW).bound == Bound(ABOUT, NOW + WINDOW, 1)


def test_an_hour_whose_end_nobody_told_ends_all_the_same() -> None:
    silent = Bound(ABOUT, NOW, 2, 3)
    late = admit(silent, 2, NOW + 2 * WINDOW)
    assert late == Admission(Bound(ABOUT, NOW + 2 * WINDOW, 1), is_told=True, untold=3)
    assert admit(late.bound, 2, NOW + 2 * WINDOW).untold == 0


@pytest.mark.parametrize(
    ("about", "name", "what"),
    [
        (FLEET, None, "3 more notifications were"),
        (SYSTEM, None, "3 more notifications about agents were"),
        (ABOUT, "nightly", "3 more notifications about job 'nightly' were"),
        (ABOUT, None, "3 more notifications about a job that was deleted were"),
    ],
)
def test_what_was_held_back_says_about_whom(about: UUID, name: str | None, what: str) -> None:
    assert held_back(3, about, name).texts == (f"{what} held back in the last hour",)
    assert held_back(3, about, name, is_late=True).texts == (f"{what} held back in an earlier hour",)


def test_agents_that_go_together_are_told_together() -> None:
    assert offline_notices([]) == []
    (many,) = offline_notices([f"a{number}" for number in range(60)])
    assert many.texts[0] == "60 agents are offline"
    assert many.texts[1].endswith("'a49' and 10 more")
