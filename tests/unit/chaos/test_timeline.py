"""The picture shows what the verdicts judge."""

from xml.etree import ElementTree

from tests.chaos.history import Fault, History, Meta
from tests.chaos.timeline import picture
from tests.unit.chaos.histories import at, clean

MISSED, HIT = "#ef5350", "#a5d6a7"


def bars(history: History, color: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(picture(history))  # noqa: S314  our own document
    return [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("fill") == color]


def test_a_clean_history_is_all_green() -> None:
    assert (len(bars(clean(), HIT)), len(bars(clean(), MISSED))) == (4, 0)


def test_a_missed_window_is_red() -> None:
    history = clean()
    history.runs = [r for r in history.runs if r.id != "run-1"]
    history.witness = [w for w in history.witness if w.run_id != "run-1"]
    (bar,) = bars(history, MISSED)
    assert "nothing recorded" in (bar[0].text or "")


def test_a_fault_shades_its_time() -> None:
    history = clean()
    history.faults.append(Fault("kill", "controller <1>", at(10), at(20)))
    (shade,) = bars(history, "#fde0dc")
    assert float(shade.get("width") or 0) > 100


def test_an_empty_history_is_drawn_too() -> None:
    assert bars(History(Meta("empty", 1, 0, at(1))), HIT) == []
