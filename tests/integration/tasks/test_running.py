"""What other tests here run tasks with does as an agent does."""

from tests.integration.tasks.running import run_task, started_task

from tocsin_shared.connections.configs import RedisConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import NoopTask, ShellTask


async def test_a_task_inside_the_agent_ends_with_its_outcome_and_output() -> None:
    ran = await run_task(NoopTask(type="noop", output="half\n", exit_code=3))
    assert (ran.outcome.status, ran.outcome.reason) == (ExecutionStatus.FAILED, Reason.EXIT_CODE)
    assert (ran.outcome.exit_code, ran.stdout) == (3, b"half\n")


async def test_a_task_that_is_a_process_ends_with_its_outcome_and_output() -> None:
    ran = await run_task(ShellTask(type="shell", command="echo out; echo err >&2; exit 4"))
    assert (ran.outcome.exit_code, ran.text, ran.errors) == (4, "out\n", "err\n")


async def test_a_cancelled_task_ends_as_cancelled() -> None:
    task = ShellTask(type="shell", command="echo here; sleep 60")
    async with started_task(task) as running:
        await running.prints(b"here")
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED


async def test_the_secrets_of_a_connection_are_masked() -> None:
    connection = RedisConfig(url="redis://somewhere", password="hunter22222")
    ran = await run_task(NoopTask(type="noop", output="it is hunter22222"), connection)
    assert b"hunter22222" not in ran.stdout
    assert ran.stdout.startswith(b"it is ")
