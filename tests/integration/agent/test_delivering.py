"""What ended is reported for as long as it takes, once, and then forgotten (G4)."""

import asyncio
import base64
from uuid import UUID

import pytest
from tests.integration.agent.conftest import Agents, assignment
from tests.integration.agent.fake_controller import FakeController, Refusal

from tocsin_agent.clock import Moment
from tocsin_agent.journal.framing import frames
from tocsin_agent.journal.records import Intent, Record, Result, encode
from tocsin_agent.journal.spool import Spool
from tocsin_shared.executions import ExecutionStatus, Stream
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import (
    LONGEST_SECS,
    Assignment,
    EventsRequest,
    OutputEvent,
    OutputLimits,
    PollRequest,
    Receipt,
)
from tocsin_shared.tasks import NoopTask


def noop(output: str = "hello\n", exit_code: int = 0) -> Assignment:
    return assignment(task=NoopTask(type="noop", output=output, exit_code=exit_code))


async def test_start_output_and_result_arrive_in_order(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    job = assignment("echo one; sleep 0.1; echo two; exit 3")
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert (result.status, result.exit_code, result.reason) == ("failed", 3, "exit_code")
    assert (result.stdout_bytes, result.stderr_bytes) == (8, 0)
    events = controller.events(job.execution_id)
    assert [event.type for event in events] == ["started", "output", "output", "result"]
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert controller.output(job.execution_id) == "one\ntwo\n"
    assert result.usage.cpu_secs is not None


async def test_what_is_settled_is_forgotten(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    job = assignment("echo hello")
    await controller.offer(job)
    await controller.result(job.execution_id)
    await controller.settled(job.execution_id)
    await agents.all_settled()
    assert list((agents.state_dir() / "journal" / "output").iterdir()) == []


async def test_an_upload_whose_answer_was_lost_is_delivered_again_and_settled(
    controller: FakeController, agents: Agents
) -> None:
    controller.limits = OutputLimits(flush_secs=1)  # so that all of it is one upload
    controller.answers_to_drop = 1
    await agents.start()
    job = noop()
    await controller.offer(job)
    await controller.until(lambda: len(controller.results(job.execution_id)) == 2)
    await controller.settled(job.execution_id)
    first, second = controller.bodies("upload", EventsRequest)
    assert [(e.type, e.seq) for e in first.events] == [(e.type, e.seq) for e in second.events]
    assert controller.output(job.execution_id) == "hello\n"
    await agents.all_settled()


async def test_after_an_overload_everything_is_delivered(controller: FakeController, agents: Agents) -> None:
    await agents.start(capacity=4)
    jobs = [assignment(f"for i in 1 2 3; do echo {n}-$i; sleep 0.2; done") for n in range(4)]
    await controller.offer(*jobs)
    await controller.until(lambda: all(controller.events(job.execution_id) for job in jobs))
    controller.overloaded = {"register", "poll", "heartbeat", "upload"}
    await asyncio.sleep(2)
    assert not any(controller.results(job.execution_id) for job in jobs)
    controller.overloaded.clear()
    for n, job in enumerate(jobs):
        assert (await controller.result(job.execution_id)).exit_code == 0
        assert controller.output(job.execution_id) == f"{n}-1\n{n}-2\n{n}-3\n"
    await controller.settled(*(job.execution_id for job in jobs))
    await agents.all_settled()


async def test_what_ended_before_a_restart_is_reported_after_it(
    controller: FakeController, agents: Agents
) -> None:
    journal = agents.state_dir() / "journal"
    journal.mkdir(parents=True)
    ended, moment = new_id(), Moment.now()
    records: list[Record] = [
        Intent(ended, 3, "backup", "shell", moment),
        Result(ended, 9, ExecutionStatus.FAILED, moment, exit_code=4),
    ]
    (journal / "control.log").write_bytes(frames(map(encode, records)))
    await agents.start()
    result = await controller.result(ended)
    assert (result.fence, result.seq, result.exit_code, result.reason) == (3, 9, 4, None)
    assert result.age_secs < 60


async def test_figures_that_nobody_can_store_hold_up_no_result(
    controller: FakeController, agents: Agents
) -> None:
    journal = agents.state_dir() / "journal"
    journal.mkdir(parents=True)
    ended, epoch = new_id(), Moment("a boot whose clock stood at 1970", 1.0, 0.0)
    windows_access_violation = 0xC0000005
    records: list[Record] = [
        Intent(ended, 3, "backup", "ssh", epoch),
        Result(ended, 9, ExecutionStatus.FAILED, epoch, epoch, exit_code=windows_access_violation),
    ]
    (journal / "control.log").write_bytes(frames(map(encode, records)))
    await agents.start()
    result = await controller.result(ended)
    assert result.exit_code == windows_access_violation - 2**32
    assert result.age_secs == result.started_age_secs == LONGEST_SECS


async def test_output_that_is_no_text_arrives_byte_for_byte(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    job = assignment(r"printf '\377\000\200'")
    await controller.offer(job)
    await controller.result(job.execution_id)
    (output,) = [e for e in controller.events(job.execution_id) if isinstance(e, OutputEvent)]
    assert base64.b64decode(output.data_base64 or "") == b"\xff\x00\x80"


async def test_of_too_much_output_both_ends_are_kept(controller: FakeController, agents: Agents) -> None:
    controller.limits = OutputLimits(max_bytes_per_stream=1000, flush_secs=0.02)
    await agents.start()
    job = assignment("seq 10000; echo the end")
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert result.stdout_truncated
    assert result.stdout_bytes == sum(len(f"{i}\n") for i in range(1, 10001)) + len("the end\n")
    text = controller.output(job.execution_id)
    assert text.startswith("1\n2\n3\n")
    assert text.endswith("9999\n10000\nthe end\n")
    assert len(text) == 1000


async def test_megabytes_of_output_arrive_whole_over_several_uploads(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    job = assignment("head -c 5000000 /dev/zero | tr '\\0' x; echo .")
    await controller.offer(job)
    result = await controller.result(job.execution_id)
    assert not result.stdout_truncated
    assert controller.output(job.execution_id) == "x" * 5_000_000 + ".\n"


async def test_an_upload_that_is_too_large_is_sent_in_smaller_pieces(
    controller: FakeController, agents: Agents
) -> None:
    controller.refusals["upload"] = Refusal(413, "too_large")
    await agents.start()
    jobs = [noop() for _ in range(4)]
    await controller.offer(*jobs)
    for job in jobs:
        await controller.result(job.execution_id)
        assert controller.output(job.execution_id) == "hello\n"


async def test_a_result_on_its_way_when_the_right_is_handed_out_again_is_told_under_the_newer_one(
    controller: FakeController, agents: Agents
) -> None:
    controller.limits = OutputLimits(flush_secs=30)  # so that the start is told together with the result
    controller.answers_wait_for = asyncio.Event()
    job = noop()
    controller.receipts[job.execution_id] = Receipt.STALE
    await agents.start()
    await controller.offer(job)
    await controller.until(lambda: len(controller.results(job.execution_id)) == 1)
    del controller.receipts[job.execution_id]
    await controller.offer(job.model_copy(update={"fence": 2}))
    await controller.until(
        lambda: [held.fence for held in controller.bodies("poll", PollRequest)[-1].running] == [2]
    )
    controller.answers_wait_for.set()
    await controller.until(lambda: [r.fence for r in controller.results(job.execution_id)] == [1, 2])
    assert controller.output(job.execution_id) == "hello\n"
    await agents.all_settled()


async def test_over_a_way_on_which_long_uploads_fail_output_goes_in_pieces_that_pass(
    controller: FakeController, agents: Agents
) -> None:
    controller.longest_upload_bytes = 400_000
    journal, execution_id, moment = agents.state_dir() / "journal", new_id(), Moment.now()
    (journal / "output").mkdir(parents=True)
    spool = Spool(journal / "output" / f"{execution_id}.out")
    for n in range(12):
        spool.append(2 + n, Stream.STDOUT, n * 50_000, b"x" * 50_000)
    spool.rest()
    records: list[Record] = [
        Intent(execution_id, 1, "backup", "shell", moment),
        Result(execution_id, 20, ExecutionStatus.SUCCEEDED, moment, exit_code=0, stdout_bytes=600_000),
    ]
    (journal / "control.log").write_bytes(frames(map(encode, records)))
    await agents.start()
    assert (await controller.result(execution_id)).status == "succeeded"
    assert controller.output(execution_id) == "x" * 600_000


async def test_a_result_that_nobody_knows_is_set_aside(controller: FakeController, agents: Agents) -> None:
    await agents.start()
    job = noop(exit_code=5)
    controller.receipts[job.execution_id] = Receipt.UNKNOWN
    controller.limits = OutputLimits(flush_secs=30)  # so that the start is told together with the result
    await controller.offer(job)
    await controller.until(lambda: bool(controller.results(job.execution_id)))
    await controller.settled(job.execution_id)
    (file,) = (agents.state_dir() / "refused").iterdir()
    assert file.stem == str(job.execution_id)
    assert b'"exit_code":5' in file.read_bytes()
    await agents.all_settled()


async def test_one_refused_result_does_not_hold_up_the_others(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start()
    bad, good = noop(), noop()
    controller.refusals["upload"] = Refusal(400, "bad_request")
    await controller.offer(bad)
    await controller.settled(bad.execution_id)
    await controller.offer(good)
    await controller.result(good.execution_id)
    await controller.settled(bad.execution_id, good.execution_id)
    await agents.all_settled()


async def test_a_full_disk_keeps_work_from_being_taken(
    controller: FakeController, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = agents.directory / "witness"

    def full(fd: int, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    await agents.start()
    job = assignment(f"touch {witness}")
    with monkeypatch.context() as disk:
        disk.setattr("tocsin_agent.journal.log.write_all", full)
        await controller.offer(job)
        await controller.settled(job.execution_id)
        await agents.all_settled()
    assert not witness.exists()
    await controller.offer(job)
    assert (await controller.result(job.execution_id)).exit_code == 0


async def test_many_short_jobs_are_all_reported_and_all_settled(
    controller: FakeController, agents: Agents
) -> None:
    await agents.start(capacity=200, max_batch=100)
    jobs = [noop(f"{n}\n") for n in range(100)]
    await controller.offer(*jobs)
    seen: dict[UUID, str] = {}
    for job in jobs:
        await controller.result(job.execution_id)
        seen[job.execution_id] = controller.output(job.execution_id)
    assert sorted(map(int, seen.values())) == list(range(100))
    await controller.settled(*seen)
    await agents.all_settled()
    assert len(controller.bodies("upload", EventsRequest)) < 50
