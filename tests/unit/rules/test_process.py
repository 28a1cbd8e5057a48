"""The process that judges is ended when it takes too long, and the next request gets a new one."""

import pytest

from tocsin_controller.rules.judging import Verdict
from tocsin_controller.rules.process import JudgeProcess, JudgingFailed
from tocsin_shared.output_rules import OutputRules

RULES = OutputRules.model_validate({"extractions": [{"name": "n", "pattern": r"n=(\d+)"}]})
#: Every node is compared with every other: minutes, were it not ended.
ENDLESS = OutputRules.model_validate(
    {"extractions": [{"name": "x", "pattern": "$[?count($[?@ > -1]) < 0]", "type": "jsonpath"}]}
)


async def test_it_answers_as_the_function_does() -> None:
    process = JudgeProcess()
    try:
        for number in (1, 2):
            stdout = b"x" * 1_000_000 + b"n=%d" % number
            assert await process.judge(RULES, stdout, b"", is_success=True) == Verdict({"n": str(number)})
    finally:
        await process.close()


async def test_what_takes_too_long_is_ended_and_harms_no_other() -> None:
    process = JudgeProcess(longest_secs=2.0)
    try:
        document = b"[" + b",".join(b"%d" % n for n in range(20_000)) + b"]"
        with pytest.raises(JudgingFailed):
            await process.judge(ENDLESS, document, b"", is_success=True)
        assert await process.judge(RULES, b"n=3", b"", is_success=True) == Verdict({"n": "3"})
    finally:
        await process.close()
