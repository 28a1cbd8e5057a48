"""The main job, end to end: jobs reach agents, run there, and come back with the truth."""

import asyncio
import json
import time

from tests.integration.fleet.conftest import Fleet


async def test_a_shell_job_runs_on_an_agent_and_reports(fleet: Fleet) -> None:
    await fleet.controller()
    agent_id = await fleet.agent("one", tags="linux")
    execution = await fleet.ended(await fleet.run("echo out; echo err >&2; exit 3"))
    assert (execution["status"], execution["exit_code"], execution["reason"]) == ("failed", 3, "exit_code")
    assert (execution["stdout"], execution["stderr"]) == ("out\n", "err\n")
    assert execution["agent_id"] == agent_id


async def test_a_local_job_runs_on_the_controller(fleet: Fleet) -> None:
    await fleet.controller()
    execution = await fleet.ended(await fleet.run("echo $TOCSIN_JOB_NAME", target=None, name="at home"))
    assert (execution["status"], execution["stdout"]) == ("succeeded", "at home\n")
    assert await fleet.get("/api/agents") == []


async def test_all_runs_on_every_agent(fleet: Fleet) -> None:
    await fleet.controller()
    for name in ("one", "two", "three"):
        await fleet.agent(name)
    triggered = await fleet.post(f"/api/jobs/{await fleet.job('hostname', target={'type': 'all'})}/trigger")
    ends = [await fleet.ended(execution_id) for execution_id in triggered["execution_ids"]]
    assert len({e["agent_id"] for e in ends}) == 3
    run = await fleet.get(f"/api/runs/{triggered['run_id']}")
    assert run["status"] == "succeeded"


async def test_a_cron_job_fires_on_its_seconds(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    job = await fleet.job("true", schedule={"type": "cron", "value": "* * * * * *"})
    await asyncio.sleep(3.5)
    runs = (await fleet.get(f"/api/runs?job_id={job}"))["data"]
    instants = [run["scheduled_for"] for run in runs]
    assert len(instants) >= 3
    assert len(set(instants)) == len(instants)
    assert {run["status"] for run in runs} <= {"succeeded", "running", "pending"}


async def test_output_streams_while_the_job_runs(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    execution_id = await fleet.run("for i in 1 2 3; do echo line $i; sleep 0.5; done; echo oops >&2")
    seen: list[tuple[float, str]] = []
    began = time.monotonic()
    async with fleet.http.get(f"{fleet.url}/api/executions/{execution_id}/stream") as stream:
        assert stream.status == 200
        event = ""
        async for raw in stream.content:
            line = raw.decode().rstrip("\r\n")
            if line.startswith("event:"):
                event = line.removeprefix("event:").strip()
            if line.startswith("data:"):
                seen.append((time.monotonic() - began, line.removeprefix("data:").strip()))
                if event == "done":
                    break
    lines = [text for _, text in seen]
    assert lines[:-1] == ["line 1", "line 2", "line 3", "[stderr] oops"]
    assert json.loads(lines[-1])["status"] == "succeeded"
    assert seen[0][0] < seen[2][0] - 0.5  # the first line came well before the third


async def test_a_timeout_ends_the_whole_process_group(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    mark = fleet.directory / "mark"
    command = f"(sleep 3; touch {mark}) & (trap '' TERM; sleep 4; touch {mark}) & wait"
    execution = await fleet.ended(await fleet.run(command, timeout_secs=1, kill_grace_secs=1))
    assert (execution["status"], execution["reason"]) == ("timed_out", "timeout")
    await asyncio.sleep(4)
    assert not mark.exists()


async def test_a_cancel_ends_a_running_process_within_a_second(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    execution_id = await fleet.run("echo $$; exec sleep 60")
    await fleet.started(execution_id)
    await fleet.post(f"/api/executions/{execution_id}/cancel")
    execution = await fleet.ended(execution_id, secs=1.5)
    assert (execution["status"], execution["reason"]) == ("cancelled", "cancelled")


async def test_binary_and_large_output_survive(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    binary = await fleet.ended(await fleet.run(r"printf '\377\376ok\n'"))
    assert binary["stdout"] == "��ok\n"
    large = await fleet.ended(
        await fleet.run("echo head; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo tail")
    )
    assert large["status"] == "succeeded"
    assert large["stdout_truncated"] is True
    assert large["stdout"].startswith("head\nxxx")
    assert large["stdout"].endswith("xxx\ntail\n")
    assert "bytes omitted" in large["stdout"]
    assert len(large["stdout"]) < 11 * 1024 * 1024


async def test_retries_follow_each_other(fleet: Fleet) -> None:
    await fleet.controller()
    await fleet.agent("one")
    counter = fleet.directory / "counter"
    command = f"echo x >> {counter}; test $(wc -l < {counter}) -ge 3"
    triggered = await fleet.post(f"/api/jobs/{await fleet.job(command, retry_max=5)}/trigger")
    async with asyncio.timeout(20):
        while (run := await fleet.get(f"/api/runs/{triggered['run_id']}"))["finished_at"] is None:
            await asyncio.sleep(0.05)
    assert run["status"] == "succeeded"
    assert [e["status"] for e in sorted(run["executions"], key=lambda e: e["attempt_number"])] == [
        "failed",
        "failed",
        "succeeded",
    ]
