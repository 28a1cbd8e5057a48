"""`tocsin mcp` as people use it."""

import pytest
from tests.integration.cli.conftest import Tocsin
from tests.services.mcp import mcp_server

from tocsin_controller.settings import ControllerSettings


@pytest.fixture
def settings(settings: ControllerSettings) -> ControllerSettings:
    return settings.model_copy(update={"network_allow": ["127.0.0.1"]})


@pytest.mark.usefixtures("controller")
async def test_the_tools_of_a_server_are_a_table(tocsin: Tocsin) -> None:
    with mcp_server(json_response=True) as server:
        shown = await tocsin("mcp", "tools", server.url)
        assert shown.exit_code == 0, shown.stderr
        lines = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
        assert lines["greet"] == ["name", "Greets", "somebody."]
        assert lines["add"] == ["a", "b", "Adds."]
        assert {tool["name"] for tool in (await tocsin("mcp", "tools", server.url, "-o", "json")).json} >= {
            "add"
        }
    down = await tocsin("mcp", "tools", server.url)
    assert (down.exit_code, "Could not connect" in down.stderr) == (1, True)
    assert (await tocsin("mcp", "tools")).exit_code == 2
