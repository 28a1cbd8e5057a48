"""Agents, events, keys and health against a real controller."""

import asyncio

import pytest
from tests.integration.cli.conftest import Tocsin, started

from tocsin_controller.settings import ControllerSettings

pytestmark = pytest.mark.usefixtures("controller")


async def test_a_controller_that_is_well_says_so(tocsin: Tocsin) -> None:
    done = await tocsin("health")
    assert done.exit_code == 0, done.stderr
    assert "ok" in done.stdout


async def test_the_controller_s_own_agent_is_listed_and_shown(tocsin: Tocsin) -> None:
    async with asyncio.timeout(20):
        while not (agents := (await tocsin("agents", "ls", "-o", "json")).json):
            await asyncio.sleep(0.1)
    name = agents[0]["name"]
    assert name in (await tocsin("agents", "ls")).stdout
    shown = await tocsin("agents", "show", name)
    assert shown.exit_code == 0, shown.stderr
    assert agents[0]["id"] in shown.stdout
    assert (await tocsin("agents", "show", "nobody")).exit_code == 3
    top = await tocsin("top", "--once")
    assert top.exit_code == 0, top.stderr
    assert name in top.stdout


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
