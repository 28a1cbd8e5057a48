"""A stored history can be judged again from the command line."""

from pathlib import Path

import pytest
from tests.chaos.check import main
from tests.unit.chaos.histories import clean


def test_a_clean_history_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean().save(tmp_path / "one")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.count(" true ") == 11


def test_a_violation_exits_with_1_and_says_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = clean()
    del history.executions[0]
    history.save(tmp_path)
    assert main([str(tmp_path)]) == 1
    assert "it ended with 0, but is not in the record" in capsys.readouterr().out


def test_nothing_to_judge_exits_with_2(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2
