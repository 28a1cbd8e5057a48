"""What a hostile or broken controller can do to an agent: nothing but keep it from working, for as long as it lasts.

Each test has the agent meet something it must refuse, sees that it does so in few words, and that it takes and does
ordinary work as soon as there is some.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.integration.agent.conftest import AgentProcess, Agents, assignment
from tests.integration.agent.fake_controller import FakeController, Refusal, serving

from tocsin_shared.ids import new_id
from tocsin_shared.protocol import (
    EPOCH_SHIFT,
    CancelOrder,
    EventsRequest,
    HeartbeatRequest,
    PollRequest,
    RegisterRequest,
)

Mischief = Callable[[asyncio.Transport], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def raw(answer: bytes) -> Mischief:
    """Exactly these bytes."""

    async def do(transport: asyncio.Transport) -> None:
        transport.write(answer)
        await asyncio.sleep(0.05)

    return do


def body(content: bytes) -> Mischief:
    return raw(OK + b"Content-Length: %d\r\n\r\n" % len(content) + content)


def said(**answer: Any) -> Mischief:
    return body(json.dumps(answer).encode())


async def endless_body(transport: asyncio.Transport) -> None:
    transport.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    piece = b"x" * 65536
    while not transport.is_closing():
        transport.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
        await asyncio.sleep(0)
        while transport.get_write_buffer_size() > 1_000_000 and not transport.is_closing():
            await asyncio.sleep(0.001)


async def endless_headers(transport: asyncio.Transport) -> None:
    transport.write(OK)
    number = 0
    while not transport.is_closing() and number < 1_000_000:
        transport.write(b"".join(b"X-%d: y\r\n" % n for n in range(number, number + 1000)))
        number += 1000
        await asyncio.sleep(0)
        while transport.get_write_buffer_size() > 1_000_000 and not transport.is_closing():
            await asyncio.sleep(0.001)


def offer(**changed: Any) -> Mischief:
    """An answer with one assignment that is not as it should be."""
    fields = json.loads(assignment("touch /tmp/never").model_dump_json())
    return said(executions=[fields | changed], cancel=[], stop=[])


async def goes_on(controller: FakeController) -> None:
    """The agent takes ordinary work, and does it."""
    controller.mischief.clear()
    job = assignment("echo all is well")
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0
    assert controller.output(job.execution_id) == "all is well\n"


ANSWERS: dict[str, Mischief] = {
    "garbage": body(b"\x00\xff{{{{"),
    "a page": body(b"<html><body>Please log in to the network</body></html>"),
    "nothing": body(b""),
    "a list": body(b"[1, 2, 3]"),
    "deep nesting": body(b"[" * 200_000),
    "not a number": body(
        b'{"heartbeat_interval_secs": NaN, "executions": [{"fence": NaN}], "receipts": NaN}'
    ),
    "half an answer": raw(OK + b"Content-Length: 1000\r\n\r\n{"),
    "no answer at all": raw(b""),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.7\r\n"),
    "a gigabyte announced": raw(OK + b"Content-Length: 1073741824\r\n\r\n{"),
    "a body without end": endless_body,
    "headers without end": endless_headers,
    "a header too long": raw(OK + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n{}"),
    "a compressed answer": raw(OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
    "two lengths": raw(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_answers_that_are_none_are_refused_everywhere(
    controller: FakeController, agents: Agents, answer: str
) -> None:
    _, running = await agents.start()
    controller.refusals["heartbeat"] = Refusal(401, "unauthorized")
    for route in ("heartbeat", "poll", "upload", "register"):
        controller.mischief[route] = ANSWERS[answer]
    calls = len(controller.calls)
    await controller.until(lambda: len(controller.calls) >= calls + 3)
    assert not running.done()
    await goes_on(controller)


@pytest.mark.parametrize(
    "changed",
    [
        {"execution_id": "../../../../etc/cron.d/x"},
        {"execution_id": "/etc/passwd"},
        {"execution_id": "x\x00y"},
        {"execution_id": ["a"]},
        {"fence": -1},
        {"fence": 2**63},
        {"fence": "many"},
        {"job_name": "x" * 1_000},
        {"kill_grace_secs": -5},
        {"timeout_secs": -1},
        {"timeout_secs": 1e300},
        {"self_fence_secs": -1},
        {"run_as": "root\x00"},
        {"limits": {"memory_max_bytes": -1}},
        {"task": None, "execution_id": "no"},
    ],
    ids=str,
)
async def test_an_assignment_that_can_not_be_is_refused_and_told_in_one_line(
    controller: FakeController, agents: Agents, changed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    await agents.start()
    controller.mischief["poll"] = offer(**changed)
    await controller.offer(assignment("true"))  # ends the parked poll
    polls = len(controller.bodies("poll", PollRequest))
    await controller.until(lambda: len(controller.bodies("poll", PollRequest)) >= polls + 2)
    assert capsys.readouterr().out.count("assignments_refused") in (1, 2)
    await goes_on(controller)
    assert not [f for f in agents.directory.rglob("*") if "passwd" in f.name or f.name == "x"]


async def test_a_type_of_task_from_the_future_is_reported_as_such(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    execution_id = new_id()
    controller.mischief["poll"] = offer(
        execution_id=str(execution_id), task={"type": "teleport", "to": "moon"}
    )
    await controller.offer(assignment("true"))
    assert (await controller.result(execution_id)).reason == "unsupported_task"
    await goes_on(controller)


async def test_more_work_than_asked_for_is_not_taken(
    controller: FakeController, agents: Agents, tmp_path: Path
) -> None:
    await agents.start(capacity=2)
    jobs = [assignment(f"touch {tmp_path}/ran-{n}") for n in range(10)]
    await controller.offer(*jobs)
    await asyncio.gather(*(controller.result(job.execution_id) for job in jobs[:2]))
    await goes_on(controller)
    assert {file.name for file in tmp_path.glob("ran-*")} == {"ran-0", "ran-1"}


async def test_a_thousand_assignments_at_once_are_no_answer(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    one = json.loads(assignment("true").model_dump_json())
    controller.mischief["poll"] = said(executions=[one] * 1000)
    await controller.offer(assignment("true"))
    polls = len(controller.bodies("poll", PollRequest))
    await controller.until(lambda: len(controller.bodies("poll", PollRequest)) >= polls + 2)
    await goes_on(controller)


async def test_the_same_nonsense_again_and_again_is_not_asked_for_without_end(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    order = CancelOrder(execution_id=new_id(), fence=1)
    controller.mischief["poll"] = said(cancel=[json.loads(order.model_dump_json())])
    await controller.offer(assignment("true"))
    polls = len(controller.bodies("poll", PollRequest))
    await asyncio.sleep(2)
    assert len(controller.bodies("poll", PollRequest)) - polls < 30
    await goes_on(controller)


@pytest.mark.parametrize(
    "pace",
    [
        {"heartbeat_interval_secs": 0},
        {"heartbeat_interval_secs": -1},
        {"poll_wait_secs": -1},
        {"poll_wait_secs": 1e300},
        {"output": {"flush_secs": -1}},
        {"output": {"max_bytes_per_stream": -1}},
        {"epoch": -1},
        {"agent_id": "../x"},
    ],
    ids=str,
)
async def test_a_pace_that_can_not_be_is_no_registration(
    controller: FakeController, agents: Agents, pace: dict[str, Any]
) -> None:
    controller.mischief["register"] = said(**({"agent_id": str(new_id())} | pace))
    starting = asyncio.create_task(agents.start())
    await controller.registrations(2)
    controller.mischief.clear()
    await starting
    await goes_on(controller)


async def test_a_poll_that_may_not_wait_does_not_become_an_endless_loop(
    controller: FakeController, agents: Agents
) -> None:
    async def hasty(transport: asyncio.Transport) -> None:
        agent_id = controller.agents.setdefault(
            controller.bodies("register", RegisterRequest)[-1].credential_sha256 or "", new_id()
        )
        await said(agent_id=str(agent_id), poll_wait_secs=0, heartbeat_interval_secs=0.2)(transport)

    controller.mischief["register"] = hasty
    await agents.start()
    await asyncio.sleep(1.5)
    assert len(controller.bodies("poll", PollRequest)) < 10
    await goes_on(controller)


async def test_an_assignment_of_an_older_epoch_is_refused(
    controller: FakeController, agents: Agents, tmp_path: Path
) -> None:
    controller.epoch = 3
    await agents.start()
    old = assignment(f"touch {tmp_path}/ran", fence=(2 << EPOCH_SHIFT) + 7)
    new = assignment("true", fence=(3 << EPOCH_SHIFT) + 1)
    await controller.offer(old, new)
    assert (await controller.result(new.execution_id)).exit_code == 0
    await controller.settled(new.execution_id)
    assert not (tmp_path / "ran").exists()


async def test_a_newer_epoch_is_learnt_from_a_registration_only(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    job = assignment("true", fence=(5 << EPOCH_SHIFT) + 1)
    await controller.offer(job)
    await controller.registrations(2)
    assert controller.results(job.execution_id) == []
    await goes_on(controller)
    controller.epoch = 5
    await controller.offer(job)  # by a controller that has learnt of it too
    await controller.registrations(3)
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_a_controller_of_an_older_epoch_is_not_worked_for(
    controller: FakeController, agents: Agents, capsys: pytest.CaptureFixture[str]
) -> None:
    controller.epoch = 2
    await agents.start()
    await agents.stop()
    await controller.offer(assignment("true"))  # into the poll that the agent left behind
    controller.epoch = 1
    polls = len(controller.bodies("poll", PollRequest))
    starting = asyncio.create_task(agents.start())
    await controller.registrations(4)
    assert len(controller.bodies("poll", PollRequest)) == polls
    assert "controller_of_an_older_epoch" in capsys.readouterr().out
    controller.epoch = 2
    await starting
    job = assignment("true", fence=(2 << EPOCH_SHIFT) + 1)
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_receipts_that_name_something_else_settle_nothing(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()

    async def of_others(transport: asyncio.Transport) -> None:
        upload = controller.bodies("upload", EventsRequest)[-1]
        receipts = [
            {"execution_id": str(new_id()), "seq": e.seq, "receipt": "recorded"} for e in upload.events
        ]
        await said(receipts=receipts)(transport)

    controller.mischief["upload"] = of_others
    job = assignment("echo hello; exit 4")
    await controller.offer(job)
    await controller.until(lambda: len(controller.bodies("upload", EventsRequest)) >= 3)
    controller.mischief.clear()
    assert (await controller.result(job.execution_id)).exit_code == 4
    await goes_on(controller)


async def test_a_refusal_by_something_on_the_way_ends_no_job_and_drops_no_result(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    page = b"<html>400 Bad Request</html>"
    controller.mischief["upload"] = raw(
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    )
    job = assignment("sleep 1; exit 4")
    await controller.offer(job)
    await controller.until(lambda: len(controller.bodies("upload", EventsRequest)) >= 3)
    controller.mischief.clear()
    assert (await controller.result(job.execution_id)).exit_code == 4
    await goes_on(controller)


async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(
    controller: FakeController, agents: Agents
) -> None:
    async with serving() as elsewhere:
        await agents.start()
        for route in ("register", "poll", "heartbeat", "upload"):
            for status in (b"301", b"307"):
                controller.mischief[route] = raw(
                    b"HTTP/1.1 %s Moved\r\nLocation: %s/api/agents/register\r\nContent-Length: 0\r\n\r\n"
                    % (status, elsewhere.url.encode())
                )
        beats = len(controller.bodies("heartbeat", HeartbeatRequest))
        await controller.until(lambda: len(controller.bodies("heartbeat", HeartbeatRequest)) >= beats + 3)
        await goes_on(controller)
        assert elsewhere.calls == []


async def test_an_answer_that_drips_is_given_up_and_heartbeats_go_on_meanwhile(
    controller: FakeController, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip(transport: asyncio.Transport) -> None:
        transport.write(OK + b"Content-Length: 100000\r\n\r\n")
        with suppress(ConnectionError):
            while not transport.is_closing():
                transport.write(b" ")
                await asyncio.sleep(0.02)

    monkeypatch.setattr("tocsin_agent.http_link.POLL_MARGIN_SECS", -4.0)  # of the 5 s that the poll may wait
    await agents.start()
    controller.mischief["poll"] = drip
    await controller.offer(assignment("true"))
    polls = len(controller.bodies("poll", PollRequest))
    beats = len(controller.bodies("heartbeat", HeartbeatRequest))
    await controller.until(lambda: len(controller.bodies("poll", PollRequest)) >= polls + 2)
    assert len(controller.bodies("heartbeat", HeartbeatRequest)) >= beats + 2
    await goes_on(controller)


async def test_a_gigabyte_of_offers_does_not_fill_the_memory(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    process = agent_process.start()
    await controller.until(lambda: bool(controller.bodies("poll", PollRequest)))
    before = psutil.Process(process.pid).memory_info().rss
    one = assignment("x" * 90_000).model_dump_json().encode() + b","
    sent = 0

    async def offers(transport: asyncio.Transport) -> None:
        nonlocal sent
        transport.write(b'{"executions": [')
        while not transport.is_closing():
            transport.write(one)
            sent += len(one)
            await asyncio.sleep(0)
            while transport.get_write_buffer_size() > 1_000_000 and not transport.is_closing():
                await asyncio.sleep(0.001)

    async def announced(transport: asyncio.Transport) -> None:
        transport.write(OK + b"Content-Length: 1500000000\r\n\r\n")
        await offers(transport)

    async def without_saying_how_much(transport: asyncio.Transport) -> None:
        transport.write(OK + b"Connection: close\r\n\r\n")
        await offers(transport)

    most = 0
    for mischief in (announced, without_saying_how_much):
        controller.mischief["poll"] = mischief
        await controller.offer(assignment("true"))
        polls = len(controller.bodies("poll", PollRequest))
        while len(controller.bodies("poll", PollRequest)) < polls + 1:
            most = max(most, psutil.Process(process.pid).memory_info().rss)
            await asyncio.sleep(0.02)
    assert most - before < 200 * 1024 * 1024
    assert sent < 300 * 1024 * 1024
    await goes_on(controller)
