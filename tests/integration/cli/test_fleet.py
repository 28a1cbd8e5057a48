"""Agents, events, keys and health against a real controller."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from tests.integration.cli.conftest import Tocsin, started

from tocsin_controller.settings import ControllerSettings

pytestmark = pytest.mark.usefixtures("controller")


async def test_a_controller_that_is_well_says_so(tocsin: Tocsin) -> None:
    done = await tocsin("health")
    assert done.exit_code == 0, done.stderr
    assert "ok" in done.stdout


@pytest.fixture
async def agent(tocsin: Tocsin, settings: ControllerSettings) -> str:
    """The id of `web-1`, an agent that has registered and now keeps quiet."""
    key = (await tocsin("keys", "create", "web-1", "--role", "agent", "-q")).stdout.strip()
    request = {"name": "web-1", "tags": ["web", "dc:fra1"], "hostname": "web-1.example", "capacity": 4}
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{settings.port}") as http,
        http.post("/api/agents/register", json=request, headers={"Authorization": f"Bearer {key}"}) as answer,
    ):
        assert answer.status == 200
        agent_id: str = (await answer.json())["agent_id"]
        return agent_id


async def test_agents_are_listed_shown_and_removed(tocsin: Tocsin, agent: str) -> None:
    listed = (await tocsin("agents", "ls")).stdout.splitlines()
    assert listed[1].split()[:2] == ["web-1", "online"]
    assert (await tocsin("agents", "ls", "--tag", "db", "-o", "json")).json == []
    for ref in ("web-1", agent, agent[:18]):
        shown = await tocsin("agents", "show", ref)
        assert shown.exit_code == 0, shown.stderr
        assert "web-1.example" in shown.stdout
    top = await tocsin("top", "--once")
    assert top.exit_code == 0, top.stderr
    assert top.stdout.startswith("agents 1/1 online   slots 0/4 taken")
    assert (await tocsin("agents", "rm", "web-1", "--yes")).stdout == "removed web-1\n"
    assert (await tocsin("agents", "show", "web-1")).exit_code == 3


async def test_a_job_can_be_sent_to_an_agent_by_name(tocsin: Tocsin, agent: str) -> None:
    made = await tocsin("jobs", "create", "a", "--command", "true", "--target", "agent:web-1")
    assert made.exit_code == 0, made.stderr
    assert "agent:web-1" in (await tocsin("jobs", "show", "a")).stdout
    assert (
        await tocsin("jobs", "create", "b", "--command", "true", "--target", "agent:web-2")
    ).exit_code == 3


async def test_a_key_lives_from_create_to_revoke(tocsin: Tocsin) -> None:
    made = await tocsin("keys", "create", "ci", "--role", "viewer", "--quiet")
    assert made.exit_code == 0, made.stderr
    key = made.stdout.strip()
    assert (await tocsin("jobs", "ls", TOCSIN_KEY=key)).exit_code == 0
    denied = await tocsin("jobs", "create", "a", "--command", "true", TOCSIN_KEY=key)
    assert denied.exit_code == 4, denied.stderr
    listed = (await tocsin("keys", "ls")).stdout
    assert "ci" in listed
    assert key not in listed
    assert (await tocsin("keys", "revoke", "ci", "--yes")).exit_code == 0
    scoped = await tocsin("keys", "create", "cron", "--scope", "cron:read", "--scope", "cron:write")
    assert "created cron:read cron:write key 'cron'" in scoped.stderr + scoped.stdout
    assert (await tocsin("jobs", "ls", TOCSIN_KEY=scoped.stdout.split()[-1])).exit_code == 4
    assert (await tocsin("keys", "create", "both", "--scope", "cron:read", "--role", "viewer")).exit_code == 2
    refused = await tocsin("jobs", "ls", TOCSIN_KEY=key)
    assert refused.exit_code == 4
    assert "refuses this API key" in refused.stderr


async def test_without_a_key_nothing_is_given(tocsin: Tocsin) -> None:
    done = await tocsin("jobs", "ls", TOCSIN_KEY="")
    assert done.exit_code == 4
    assert "TOCSIN_KEY" in done.stderr


async def test_events_are_shown_and_followed(tocsin: Tocsin, environment: dict[str, str]) -> None:
    await tocsin("jobs", "create", "a", "--command", "true")
    assert "job.created" in (await tocsin("events")).stdout
    async with started(
        environment, "events", "-f", "--kind", "job.deleted", "--kind", "job.created"
    ) as following:
        assert following.stdout is not None
        assert b"job.created" in await asyncio.wait_for(following.stdout.readline(), 20)
        await tocsin("jobs", "delete", "a", "--yes")
        assert b"job.deleted" in await asyncio.wait_for(following.stdout.readline(), 20)


async def test_a_profile_leads_to_the_controller(tocsin: Tocsin, settings: ControllerSettings) -> None:
    url = f"http://127.0.0.1:{settings.port}"
    await tocsin("profile", "set", "here", "--url", url, "--key", "tk_admin-for-tests")
    assert (await tocsin("jobs", "ls", TOCSIN_URL="", TOCSIN_KEY="")).exit_code == 0


async def test_who_changed_what_can_be_asked(tocsin: Tocsin) -> None:
    await tocsin("keys", "create", "ci", "--role", "viewer", "--quiet")
    shown = await tocsin("audit", "--operation", "key.created")
    assert shown.exit_code == 0, shown.stderr
    assert "'ci' (role viewer)" in shown.stdout
    assert (await tocsin("audit", "--actor", "nobody", "-o", "json")).json["data"] == []


async def test_settings_of_the_fleet_are_shown_and_changed(tocsin: Tocsin) -> None:
    assert (await tocsin("settings", "set", "retention_days=14")).exit_code == 0
    assert "14" in (await tocsin("settings", "ls")).stdout
    assert (await tocsin("settings", "set", "retention_days")).exit_code == 2
    refused = await tocsin("settings", "set", "retention_day=1")
    assert refused.exit_code == 1
    assert "not a known setting" in refused.stderr


async def test_everything_is_exported_and_imported_again(tocsin: Tocsin, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.json"
    await tocsin("jobs", "create", "nightly", "--command", "true")
    assert (await tocsin("data", "export", "--file", str(file))).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert (await tocsin("data", "delete", "--yes")).stdout == "deleted everything (1 jobs)\n"
    rehearsed = await tocsin("data", "import", str(file), "--dry-run")
    assert rehearsed.stdout == "would import 1 jobs; left out 8 templates\n"
    assert (await tocsin("data", "import", str(file), "-o", "json")).json["imported"]["jobs"] == 1
    assert (await tocsin("jobs", "show", "nightly")).exit_code == 0
