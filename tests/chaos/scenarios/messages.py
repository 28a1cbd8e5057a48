"""Messages are lost at the worst moment: the work was done, and who asked for it does not know."""

import asyncio
import time

from tests.chaos.proxy import Act, LoseAnswers, Side
from tests.chaos.scenario import scenario
from tests.chaos.stage import Stage

#: As they stand in the bodies of a poll's answer, and of an upload and its answer.
_WORK, _RECEIPTS, _RESULT = b'"executions":[{', b'"receipts":[{', b'"type":"result"'


@scenario(
    "F4",
    "the answer that carries work is lost after the claim was committed",
    shows=("G2", "G6"),
    is_short=True,
)
async def work_is_lost_on_its_way(stage: Stage) -> None:
    """The agent never heard of it; it is offered again and started once."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    losses = LoseAnswers(_WORK, times=4)
    async with stage.fault("lose_work", "a1"):
        stage.fleet.agent_links["a1"].rules.append(losses)
        await stage.until(lambda: losses.lost == 4, "four lost answers")
    stage.healed()


@scenario(
    "F4b",
    "the answer that carries work arrives seconds later, when its job is deleted already",
    shows=("G2",),
)
async def work_arrives_too_late(stage: Stage) -> None:
    """Its agent does not start it: somebody was told that nothing of this job starts any more."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    for number in range(1 if stage.is_short else 4):
        guest = f"guest-{number}"
        await stage.job(guest, 0.1, schedule={"type": "cron", "value": "* * * * * *"})
        async with stage.fault("deaf", "a1"):
            stage.fleet.agent_links["a1"].hang("down")
            await asyncio.sleep(1.5)
            deleted = await stage.fleet.client.delete(guest)
            stage.expect(deleted.outcome == "ok", f"{guest} could not be deleted")
            await asyncio.sleep(3.5)
            stage.fleet.agent_links["a1"].heal()
        await stage.until_witnessed("pulse", after_ns=time.time_ns())
    refusals = stage.fleet.agents["a1"].log().count("on their way for too long")
    stage.expect(refusals, "no answer that carried work came late")
    stage.healed()


@scenario("F5", "the answer to `started` is lost", shows=("G2", "G5"), is_short=True)
async def the_answer_to_started_is_lost(stage: Stage) -> None:
    """The agent reports it again; nothing is started or told twice."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    losses = LoseAnswers(_RECEIPTS, times=1 if stage.is_short else 3)
    async with stage.fault("lose_receipts", "a1"):
        stage.fleet.agent_links["a1"].rules.append(losses)
        execution_id = await stage.start("long", 3)
        await stage.until(lambda: losses.lost > 0, "a lost answer")
        await stage.until_status(execution_id, "succeeded")
    stage.healed()


class _LoseResultReceipts:
    """Loses the answer to an upload that carries a result."""

    def __init__(self, times: int) -> None:
        self.left = times
        self._carrying: set[int] = set()

    def __call__(self, number: int, side: Side, data: bytes) -> Act:
        if side == "up" and _RESULT in data:
            self._carrying.add(number)
        elif side == "down" and number in self._carrying:
            self._carrying.discard(number)
            if self.left > 0:
                self.left -= 1
                return Act.CUT
        return Act.PASS


@scenario(
    "F6",
    "the answer to a result is lost, again and again",
    shows=("G4", "G5"),
    lateness_secs=60,
    is_short=True,
)
async def the_answer_to_a_result_is_lost(stage: Stage) -> None:
    """One result, told once, however often it is sent."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    losses = _LoseResultReceipts(times=4 if stage.is_short else 10)
    async with stage.fault("lose_receipts", "a1"):
        stage.fleet.agent_links["a1"].rules.append(losses)
        execution_id = await stage.start("seven", 0.3, 7)
        await stage.until(lambda: losses.left == 0, "all losses", secs=180)
    stage.healed()
    ended = await stage.until_status(execution_id, "failed")
    stage.expect(ended["exit_code"] == 7, f"{execution_id} ended with {ended['exit_code']}, not 7")
