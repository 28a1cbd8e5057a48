"""`tocsin settings` as people use it."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.integration.cli.conftest import Tocsin
from tests.services.sinks import web_sink

from tocsin_controller.security.sealing import new_key
from tocsin_controller.settings import ControllerSettings


@pytest.fixture
def settings(settings: ControllerSettings) -> ControllerSettings:
    return settings.model_copy(update={"encryption_key": SecretStr(new_key()), "network_allow": ["loopback"]})


@pytest.mark.usefixtures("controller")
async def test_a_channel_is_set_from_a_file_and_tried(tocsin: Tocsin, tmp_path: Path) -> None:
    file = tmp_path / "webhook.json"
    async with web_sink() as web:
        file.write_text(json.dumps({"url": web.url, "headers": {"X-Token": "s3cret"}}) + "\n")
        done = await tocsin("settings", "set", f"notification_webhook=@{file}", "retention_days=14")
        assert (done.exit_code, done.stdout) == (0, "changed notification_webhook, retention_days\n"), (
            done.stderr
        )
        tried = await tocsin("settings", "test-notifications")
        assert (tried.exit_code, tried.stdout) == (0, "webhook: sent\n")
        assert web.requests[0][0].headers["X-Token"] == "s3cret"
    shown = await tocsin("settings", "ls")
    assert "14" in shown.stdout
    assert "s3cret" not in shown.stdout
    failed = await tocsin("settings", "test-notifications")
    assert failed.exit_code == 1
    assert "webhook: " in failed.stdout
    missing = await tocsin("settings", "set", "notification_webhook=@/nowhere.json")
    assert missing.exit_code == 2
