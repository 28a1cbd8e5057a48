"""A loss that turns out to have been a success ends the row of failures."""

from tests.integration.engine.conftest import Harness

KINDS = (
    "SELECT string_agg(kind, ' ' ORDER BY id) FROM events WHERE job_id = $1 AND kind ~ 'failing|recovered'"
)


async def test_a_late_success_ends_the_row_and_a_late_failure_is_not_counted_twice(harness: Harness) -> None:
    agent = await harness.agent()
    job = await harness.job(lost_after_secs=10, alerts={"alert_after_failures": 2})
    lost = []
    for _ in range(2):
        await harness.trigger(job)
        (assignment,) = (await agent.poll()).executions
        await agent.start(assignment)
        lost.append(assignment)
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '1 hour'")
    await harness.eventually(KINDS, job, equals="job.failing")
    await agent.finish(lost[0], "failed")
    failures = "SELECT failures FROM streaks WHERE job_id = $1"
    assert await harness.connection.fetchval(failures, job) == 2
    await agent.finish(lost[1])
    await harness.eventually(KINDS, job, equals="job.failing job.recovered")
    assert await harness.connection.fetchval(failures, job) == 0
