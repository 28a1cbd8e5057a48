"""When what may run elsewhere is ended here: pure time, no processes."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from tocsin_agent.clock import Moment
from tocsin_agent.contact import Contact
from tocsin_agent.journal.journal import Entry, Journal
from tocsin_agent.journal.records import Intent, Result
from tocsin_agent.self_fencing import SelfFencing
from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.ids import new_id

NOW = Moment.now()


def ago(secs: float) -> Moment:
    now = Moment.now()
    return replace(now, uptime_secs=now.uptime_secs - secs)


class Killed:
    """Records what was ordered; knows every execution unless told otherwise."""

    def __init__(self) -> None:
        self.orders: list[tuple[UUID, float]] = []
        self.knows = True

    def __call__(self, execution_id: UUID, grace_secs: float) -> bool:
        self.orders.append((execution_id, grace_secs))
        return self.knows

    @property
    def ids(self) -> list[UUID]:
        return [execution_id for execution_id, _ in self.orders]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def running(journal: Journal, self_fence_secs: float | None, kill_grace_secs: float = 10) -> UUID:
    execution_id = new_id()
    intent = Intent(execution_id, 1, "backup", "shell", NOW, self_fence_secs, kill_grace_secs)
    journal.entries[execution_id] = Entry(intent)
    return execution_id


def test_only_what_is_over_its_time_is_killed(journal: Journal) -> None:
    killed = Killed()
    over, _, _ = running(journal, 60), running(journal, 300), running(journal, None)
    SelfFencing(journal, Contact(ago(100)), killed).check()
    assert killed.ids == [over]


def test_the_grace_is_what_is_left_of_the_jobs_own(journal: Journal) -> None:
    killed = Killed()
    running(journal, 96, kill_grace_secs=10)
    running(journal, 50, kill_grace_secs=10)
    SelfFencing(journal, Contact(ago(100)), killed).check()
    (_, some), (_, none) = killed.orders
    assert 0 < some <= 6  # a slow machine may have used up a little more
    assert none == 0


def test_an_order_is_given_once(journal: Journal) -> None:
    killed = Killed()
    running(journal, 60)
    fencing = SelfFencing(journal, Contact(ago(100)), killed)
    fencing.check()
    fencing.check()
    assert len(killed.orders) == 1


def test_an_order_that_found_nobody_is_given_again(journal: Journal) -> None:
    killed = Killed()
    running(journal, 60)
    fencing = SelfFencing(journal, Contact(ago(100)), killed)
    killed.knows = False
    fencing.check()
    killed.knows = True
    fencing.check()
    assert len(killed.orders) == 2


def test_an_answer_after_the_time_is_over_comes_too_late(journal: Journal) -> None:
    """An agent that was frozen gets its answer first and looks at its clock second, unless it takes care."""
    killed, contact = Killed(), Contact(ago(100))
    over = running(journal, 60)
    fencing = SelfFencing(journal, contact, killed)
    contact.acknowledged(Moment.now())
    assert killed.ids == [over]
    fencing.check()
    assert killed.ids == [over]


def test_an_answer_in_time_renews(journal: Journal) -> None:
    killed, contact = Killed(), Contact(ago(50))
    running(journal, 60)
    fencing = SelfFencing(journal, contact, killed)
    contact.acknowledged(Moment.now())
    fencing.check()
    assert killed.orders == []
    assert contact.silence_secs() < 50


def test_an_older_answer_does_not_set_the_clock_back() -> None:
    newer = ago(5)
    contact = Contact(newer)
    contact.acknowledged(ago(20))
    assert contact.last == newer


@pytest.mark.parametrize(
    "last", [None, replace(NOW, boot="another boot")], ids=["unknown", "before a reboot"]
)
def test_who_does_not_know_when_it_was_heard_last_kills_at_once(
    journal: Journal, last: Moment | None
) -> None:
    killed = Killed()
    over = running(journal, 3600)
    SelfFencing(journal, Contact(last), killed).check()
    assert killed.orders == [(over, 0.0)]


def test_what_has_ended_is_left_alone(journal: Journal) -> None:
    killed = Killed()
    over = running(journal, 60)
    journal.entries[over].result = Result(over, 2, ExecutionStatus.SUCCEEDED, NOW)
    SelfFencing(journal, Contact(ago(100)), killed).check()
    assert killed.orders == []
