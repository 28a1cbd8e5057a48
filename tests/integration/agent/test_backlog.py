"""A controller that was away for long: what piled up goes out in bounded pieces, and the agent stays small."""

from pathlib import Path

import psutil
from tests.integration.agent.conftest import AgentProcess
from tests.integration.agent.fake_controller import FakeController

from tocsin_agent.clock import Moment
from tocsin_agent.journal.framing import frames
from tocsin_agent.journal.records import Intent, Record, Result, encode
from tocsin_agent.journal.spool import Spool
from tocsin_shared.executions import ExecutionStatus, Stream
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import MAX_UPLOAD_BYTES, EventsRequest, OutputEvent, RegisterRequest, ResultEvent

#: With 10,000 results and 200 MB the agent takes 106 MB of memory at most, with these 76 MB.
RESULTS = 2_000
OUTPUT_BYTES = 20_000
PATIENCE_SECS = 120.0


def pile_up(journal: Path) -> None:
    """The journal of an agent whose controller has been away."""
    (journal / "output").mkdir(parents=True)
    records: list[Record] = []
    for _ in range(RESULTS):
        execution_id, moment = new_id(), Moment.now()
        records += [
            Intent(execution_id, 1, "backup", "shell", moment),
            Result(
                execution_id, 3, ExecutionStatus.SUCCEEDED, moment, exit_code=0, stdout_bytes=OUTPUT_BYTES
            ),
        ]
        spool = Spool(journal / "output" / f"{execution_id}.out")
        spool.append(2, Stream.STDOUT, 0, b"x" * OUTPUT_BYTES)
        spool.rest()
    (journal / "control.log").write_bytes(frames(map(encode, records)))


async def test_a_large_backlog_is_delivered_in_bounded_pieces_by_a_small_agent(
    controller: FakeController, agent_process: AgentProcess
) -> None:
    """Few file descriptors too: each result has a file of its own."""
    pile_up(agent_process.state_dir / "journal")
    process = agent_process.start()
    watched = psutil.Process(process.pid)
    largest, most_files, results, output_bytes, seen = 0, 0, 0, 0, 0

    def is_delivered() -> bool:
        nonlocal largest, most_files, results, output_bytes, seen
        largest = max(largest, watched.memory_info().rss)
        most_files = max(most_files, watched.num_fds())
        for call in controller.calls[seen:]:
            if isinstance(call.body, EventsRequest):
                size = sum(len(event.data) for event in call.body.events if isinstance(event, OutputEvent))
                assert size < MAX_UPLOAD_BYTES
                output_bytes += size
                results += sum(isinstance(event, ResultEvent) for event in call.body.events)
        seen = len(controller.calls)
        controller.received.clear()
        return results == RESULTS

    await controller.until(is_delivered, PATIENCE_SECS)
    assert output_bytes == RESULTS * OUTPUT_BYTES
    assert controller.calls[0].route == "register"
    assert isinstance(controller.calls[0].body, RegisterRequest)
    routes = [call.route for call in controller.calls]
    assert routes.index("heartbeat") < routes.index("upload") + 3
    assert largest < 110 * 1024 * 1024
    assert most_files < 60
