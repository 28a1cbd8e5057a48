"""The network between agents and controllers: away, one-way, slow, lossy."""

import asyncio

from tests.chaos.proxy import SIDES, Side, Weather
from tests.chaos.scenario import scenario
from tests.chaos.stage import Stage, on

#: Shorter than the job inside, longer than a lease.
_LOST_AFTER_SECS = 10


async def _partitioned(stage: Stage, *sides: Side) -> None:
    """A job ends inside a partition that outlasts `lost_after_secs`: lost for a while, then the truth."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.fleet.add_agent("a2")
    await stage.pulse(target=on("a2"))
    execution_id = await stage.start(
        "inside",
        6,
        3,
        target=on("a1"),
        lost_after_secs=_LOST_AFTER_SECS,
        retry_max=2,
    )
    await stage.sample("before")
    async with stage.fault("partition " + " ".join(sides), "a1"):
        stage.fleet.agent_links["a1"].hang(*sides)
        await stage.until_status(execution_id, "lost", secs=40)
        await asyncio.sleep(1)
    stage.fleet.agent_links["a1"].heal()
    stage.healed()
    ended = await stage.until_status(execution_id, "failed", secs=40)
    stage.expect(ended["exit_code"] == 3, f"the late result is {ended['exit_code']}, not 3")
    run = await stage.fleet.client.get(f"/api/runs/{ended['run_id']}")
    stage.expect(len(run["executions"]) == 1, "a lost execution was followed by another attempt")
    agent_id = ended["agent_id"]
    events = await stage.fleet.client.all_of("/api/events")
    changes = [
        e for e in events if e["kind"] in ("agent.offline", "agent.online") and e["agent_id"] == agent_id
    ]
    stage.expect(len(changes) <= 2, f"the agent changed between online and offline {len(changes)} times")


@scenario(
    "F14", "an agent is partitioned for longer than lost_after_secs, a job ends inside", shows=("G3", "G4")
)
async def a_partition(stage: Stage) -> None:
    await _partitioned(stage, *SIDES)


@scenario("F17a", "one-way partition: the agent is not heard", shows=("G3", "G4"))
async def the_agent_is_not_heard(stage: Stage) -> None:
    await _partitioned(stage, "up")


@scenario(
    "F23", "a lossy, slow network under jobs that print", shows=("G4", "G5"), lateness_secs=20, is_short=True
)
async def a_lossy_network(stage: Stage) -> None:
    """Output is put together by offset: no gap, nothing twice."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    printed = "for i in $(seq 1 1500); do echo line $i; [ $((i % 100)) = 0 ] && sleep 0.3; done"
    await stage.fleet.client.create(
        "printer",
        {
            "task": {"type": "shell", "command": printed},
            "schedule": {"type": "on_demand"},
            "target": {"type": "any"},
        },
    )
    link = stage.fleet.agent_links["a1"]
    async with stage.fault("lossy", "a1"):
        link.weather = Weather(delay_secs=0.02, jitter_secs=0.3, cut_chance=0.05)
        run = await stage.fleet.client.trigger("printer")
        (execution,) = (await stage.fleet.client.get(f"/api/runs/{run.run_id}"))["executions"]
        await asyncio.sleep(6 if stage.is_short else 25)
    link.heal()
    stage.healed()
    ended = await stage.until_status(execution["id"], "succeeded", secs=60)
    expected = "".join(f"line {n}\n" for n in range(1, 1501))
    stage.expect(
        ended["stdout"] == expected, f"the output is not what was printed: {len(ended['stdout'])} characters"
    )


@scenario(
    "F17b",
    "one-way partition: the agent hears nothing",
    shows=("G2", "G3"),
    lateness_secs=10,
)
async def the_agent_hears_nothing(stage: Stage) -> None:
    """It is heard, so nothing of it is lost; what it can't hear of is offered again, and starts once."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.fleet.add_agent("a2")
    await stage.pulse()
    execution_id = await stage.start("inside", 4, 3, lost_after_secs=_LOST_AFTER_SECS)
    await stage.sample("before")
    async with stage.fault("partition down", "a1"):
        stage.fleet.agent_links["a1"].hang("down")
        await asyncio.sleep(15)
    stage.fleet.agent_links["a1"].heal()
    stage.healed()
    ended = await stage.until_status(execution_id, "failed", secs=40)
    stage.expect(ended["exit_code"] == 3, f"the result is {ended['exit_code']}, not 3")
