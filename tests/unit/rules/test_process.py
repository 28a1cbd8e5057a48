"""The process that judges is ended when it takes too long, and the next request gets a new one."""

from pathlib import Path

import pytest

from tocsin_controller.rules.judging import Verdict
from tocsin_controller.rules.process import JudgeProcess, JudgingFailed
from tocsin_shared.output_rules import OutputRules

RULES = OutputRules.model_validate({"extractions": [{"name": "n", "pattern": r"n=(\d+)"}]})
#: Takes seconds over a few hundred thousand nodes, on a machine of any speed.
SLOW = OutputRules.model_validate(
    {"extractions": [{"name": "x", "pattern": "$[?count($[?@ > -1]) < 0]", "type": "jsonpath"}]}
)


async def test_it_answers_as_the_function_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "orjson.py").write_text("raise SystemExit('the directory of the program adds modules')")
    monkeypatch.chdir(tmp_path)
    process = JudgeProcess()
    try:
        for number in (1, 2):
            stdout = b"x" * 1_000_000 + b"n=%d" % number
            assert await process.judge(RULES, stdout, b"", is_success=True) == Verdict({"n": str(number)})
    finally:
        await process.close()


async def test_what_takes_too_long_is_ended_and_harms_no_other() -> None:
    process = JudgeProcess(longest_secs=0.5)
    try:
        document = b"[" + b",".join(b"%d" % n for n in range(300_000)) + b"]"
        with pytest.raises(JudgingFailed):
            await process.judge(SLOW, document, b"", is_success=True)
        assert await process.judge(RULES, b"n=3", b"", is_success=True) == Verdict({"n": "3"})
    finally:
        await process.close()
