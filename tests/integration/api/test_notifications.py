"""Who is told what about runs: jobs in, mails and web requests out, with real servers and two controllers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
import pytest
from tests.integration.api.conftest import Api, Serve, Worker, new_worker
from tests.integration.api.test_alerts import run_to_end, set_deadline
from tests.integration.api.test_connections import KEY
from tests.integration.api.test_output_rules import finished
from tests.services.sinks import MailSink, WebSink, eventually, mail_sink, web_sink

from tocsin_controller.app import running_controller
from tocsin_controller.security.vault_keys import check_keys
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.workflow.notifying.defaults import FleetDefaults

TO = {"recipients": {"emails": ["dev@example.org"]}}


@dataclass
class Installation:
    """Two controllers, whose channels lead to sinks."""

    api: Api
    mails: MailSink
    web: WebSink
    connection: asyncpg.Connection

    async def set(self, **settings: Any) -> None:
        await self.api.put("/api/settings", {f"notification_{key}": value for key, value in settings.items()})

    async def quiet(self) -> None:
        """Nothing waits to be told or sent."""
        while await self.connection.fetchval(
            "SELECT EXISTS (SELECT FROM outbox WHERE due_at < now() + interval '10 min' AND set_aside_at IS NULL)"
        ):
            pass

    def subjects(self) -> list[str]:
        return sorted(f"{','.join(to)}: {mail['Subject']}" for to, mail in self.mails.mails)

    def told(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, body in self.web.requests]


@pytest.fixture
async def fleet(
    serve: Serve, database: Database, connection: asyncpg.Connection
) -> AsyncIterator[Installation]:
    more = {"encryption_key": KEY, "network_allow": ["loopback"]}
    async with mail_sink() as mails, web_sink() as web, serve(**more) as one, serve(**more):
        await check_keys(database, one.engine.vault)
        fleet = Installation(one.api, mails, web, connection)
        email = {"smtp_host": "127.0.0.1", "smtp_port": mails.port, "from": "t@example.org", "tls": False}
        await fleet.set(email=email, webhook={"url": web.url}, recipients={"emails": ["ops@example.org"]})
        yield fleet


async def test_a_failure_and_the_recovery_from_it_are_told_once(fleet: Installation) -> None:
    worker = await new_worker(fleet.api)
    wanted = {"on_failure": True, "on_recovery": True, **TO}
    job = await fleet.api.job("nightly", retry_max=1, notifications=wanted)
    assert job["notifications"] == {
        "on_failure": True, "on_success": False, "on_assertion_failure": False, "on_recovery": True,
        "on_sla": True, "on_alert": True, "recipients": {"emails": ["dev@example.org"], "phones": []},
        "email_output": None,
    }  # fmt: skip
    await fleet.api.post(f"/api/jobs/{job['id']}/trigger")
    first = await worker.take_one()
    await worker.finish(first, "failed")
    second = await worker.take_one()
    await worker.write(second, "x" * 600 + "disk full", "stderr")
    await worker.finish(second, "failed", message="exit code 1")
    await eventually(lambda: bool(fleet.mails.mails))
    await run_to_end(fleet.api, worker, job, "succeeded")
    await run_to_end(fleet.api, worker, job, "succeeded")
    await eventually(lambda: len(fleet.mails.mails) == 2)
    await fleet.quiet()
    assert fleet.subjects() == [
        "dev@example.org: [Tocsin] Job 'nightly' failed",
        "dev@example.org: [Tocsin] Job 'nightly' succeeded again",
    ]
    text = fleet.mails.mails[0][1].get_content()
    assert "Message: exit code 1" in text
    assert "stderr (its end):" in text
    assert "disk full" in text
    assert len(text) < 1_000
    failed, recovered = fleet.told()
    assert (failed["kinds"], failed["job"], failed["status"]) == (["run.failed"], "nightly", "failed")
    assert (recovered["kind"], recovered["severity"]) == ("run.recovered", "success")


async def test_failed_assertions_alone_may_be_told_with_all_that_was_printed(fleet: Installation) -> None:
    worker = await new_worker(fleet.api)
    wanted = {"on_assertion_failure": True, "email_output": "failure"}
    job = await fleet.api.job(
        "check", notifications=wanted, output_rules={"assertions": [{"pattern": "OK", "message": "not OK"}]}
    )
    await run_to_end(fleet.api, worker, job, "failed")
    await finished(fleet.api, worker, job, "state: BAD\n")
    await eventually(lambda: bool(fleet.mails.mails))
    await fleet.quiet()
    assert fleet.subjects() == ["ops@example.org: [Tocsin] Job 'check' failed"]
    text = fleet.mails.mails[0][1].get_content()
    assert "(assertion_failed)" in text
    assert "stdout:\nstate: BAD" in text.replace("\r\n", "\n")


async def test_defaults_count_for_jobs_that_say_nothing(fleet: Installation) -> None:
    worker = await new_worker(fleet.api)
    silent = await fleet.api.job("silent", notifications={})
    speaking = await fleet.api.job("speaking")
    nowhere = await fleet.api.job("nowhere", target={"type": "tagged", "tag": "none", "mode": "all"})
    await run_to_end(fleet.api, worker, speaking, "failed")
    await fleet.quiet()
    await fleet.set(defaults={"on_failure": True})
    await fleet.api.post(f"/api/jobs/{nowhere['id']}/trigger")
    await eventually(lambda: len(fleet.mails.mails) == 1)
    # What a controller remembers of them may be some seconds old.
    while len(fleet.mails.mails) < 2:
        await run_to_end(fleet.api, worker, silent, "failed")
        await run_to_end(fleet.api, worker, speaking, "failed")
        await fleet.quiet()
    assert set(fleet.subjects()) == {
        "ops@example.org: [Tocsin] Job 'nowhere' failed",
        "ops@example.org: [Tocsin] Job 'speaking' failed",
    }


async def test_a_controller_knows_the_defaults_before_anything_can_end(
    api: Api, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_again(self: FleetDefaults) -> None:
        await asyncio.Event().wait()

    await api.put("/api/settings", {"notification_defaults": {"on_failure": True}})
    monkeypatch.setattr(FleetDefaults, "run", never_again)
    settings = ControllerSettings.load(None, database_url=database_url, host="127.0.0.1", port=0)
    async with running_controller(settings) as started:
        assert started.engine.defaults.current.on_failure


async def test_deadlines_and_alerts_are_told_unless_the_job_says_no(fleet: Installation) -> None:
    worker = await new_worker(fleet.api)
    waiting = {"sla_deadline": "06:00", "target": {"type": "tagged", "tag": "nobody"}}
    late = await fleet.api.job("late", **waiting)
    quiet = await fleet.api.job("quiet", **waiting, notifications={"on_sla": False})
    failing = await fleet.api.job(
        "failing", alerts={"alert_after_failures": 2}, notifications={"on_failure": False}
    )
    for job in (late, quiet):
        await fleet.api.post(f"/api/jobs/{job['id']}/trigger")
        await set_deadline(fleet.connection, job, "0 s", "0 s")
    await eventually(lambda: len(fleet.web.requests) == 1)
    await run_to_end(fleet.api, worker, failing, "failed")
    await run_to_end(fleet.api, worker, failing, "failed")
    await eventually(lambda: len(fleet.web.requests) == 2)
    await fleet.quiet()
    assert [one["kind"] for one in fleet.told()] == ["sla.breach", "job.failing"]
    assert fleet.told()[0]["subject"].startswith("[Tocsin] Job 'late' has not succeeded in time")


async def test_a_flapping_job_does_not_flood(fleet: Installation) -> None:
    worker = await new_worker(fleet.api)
    await fleet.set(limits={"per_job": 2, "fleet": 100})
    job = await fleet.api.job("flapping", notifications={"on_failure": True})
    for _ in range(5):
        await run_to_end(fleet.api, worker, job, "failed")
    await eventually(lambda: len(fleet.mails.mails) == 2)
    await fleet.quiet()
    assert len(fleet.mails.mails) == 2
    await fleet.connection.execute("UPDATE outbox SET due_at = now() WHERE kind = 'notice.held_back'")
    await eventually(lambda: len(fleet.mails.mails) == 3)
    assert fleet.mails.mails[2][1]["Subject"] == (
        "[Tocsin] 3 more notifications about job 'flapping' were held back in the last hour"
    )
    await run_to_end(fleet.api, worker, job, "failed")
    await eventually(lambda: len(fleet.mails.mails) == 4)


async def test_a_job_whose_count_of_what_was_held_back_is_lost_is_told_of_again(fleet: Installation) -> None:
    worker = await new_worker(fleet.api)
    await fleet.set(limits={"per_job": 1, "fleet": 100})
    job = await fleet.api.job("flapping", notifications={"on_failure": True})
    for _ in range(2):
        await run_to_end(fleet.api, worker, job, "failed")
    await eventually(lambda: bool(fleet.mails.mails))
    await fleet.quiet()
    await fleet.connection.execute("DELETE FROM outbox WHERE kind = 'notice.held_back'")
    await fleet.connection.execute("UPDATE notice_bounds SET began_at = began_at - interval '2 h'")
    await run_to_end(fleet.api, worker, job, "failed")
    await eventually(lambda: len(fleet.mails.mails) == 3)
    assert sorted(mail["Subject"] for _, mail in fleet.mails.mails[1:]) == [
        "[Tocsin] 1 more notification about job 'flapping' was held back in an earlier hour",
        "[Tocsin] Job 'flapping' failed",
    ]


async def test_agents_that_go_offline_are_told_if_the_fleet_wants_to_know(fleet: Installation) -> None:
    gone = "UPDATE agents SET status = 'online', lease_expires_at = now() - interval '1 s'"
    await fleet.api.agent("db-1")
    await fleet.connection.execute(gone)
    while (await fleet.api.get("/api/agents"))[0]["status"] != "offline":
        pass
    await fleet.quiet()
    await fleet.set(system_alerts={"agent_offline": True})
    await fleet.connection.execute(gone)
    await eventually(lambda: len(fleet.web.requests) == 1)
    assert fleet.told()[0]["subject"] == "[Tocsin] Agent 'db-1' is offline"


async def test_a_job_that_wants_to_be_told_where_nobody_can_be_says_so(serve: Serve) -> None:
    async with serve() as served:
        worker = await new_worker(served.api)
        job = await served.api.job("alone", notifications={"on_failure": True})
        await run_to_end(served.api, worker, job, "failed")
        told: list[str] = []
        while not told:
            events = (await served.api.get("/api/events"))["data"]
            told = [e["message"] for e in events if e["kind"] == "notification.failed"]
    assert told == ["Nobody could be told about job 'alone'"]


async def test_what_a_job_may_say_is_checked(api: Api, worker: Worker) -> None:
    for wrong, field in (
        ({"recipients": {"emails": ["a@b.c\nBcc: d@e.f"]}}, "recipients.emails.0"),
        ({"recipients": {"emails": ["a@b.c"] * 21}}, "recipients.emails"),
        ({"email_output": "sometimes"}, "email_output"),
        ({"on_fail": True}, "on_fail"),
    ):
        answer = await api.call(
            "POST",
            "/api/jobs",
            {
                "name": "x",
                "task": {"type": "noop"},
                "schedule": {"type": "on_demand"},
                "notifications": wrong,
            },
        )
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == f"notifications.{field}"
