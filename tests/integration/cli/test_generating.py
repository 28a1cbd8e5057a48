"""`tocsin jobs generate` as people use it."""

from pydantic import SecretStr
from tests.integration.cli.conftest import Tocsin, serving
from tests.services.ai import KEY, ai_server

from tocsin_controller.settings import ControllerSettings

SAID = (
    '{"name": "hello", "task": {"type": "shell", "command": "echo hello"}, "schedule": {"type": "on_demand"}}'
)


async def test_what_is_printed_can_be_created(settings: ControllerSettings, tocsin: Tocsin) -> None:
    async with ai_server([SAID]) as server:
        update = {"network_allow": ["127.0.0.1"], "ai_api_key": SecretStr(KEY), "ai_base_url": server.url}
        async with serving(settings.model_copy(update=update)):
            shown = await tocsin("jobs", "generate", "say hello")
            assert shown.exit_code == 0, shown.stderr
            assert shown.stdout.startswith("name: hello\n")
            assert (await tocsin("jobs", "generate", "say hello", "-o", "json")).json["name"] == "hello"
            created = await tocsin("jobs", "create", "-f", "-", stdin=shown.stdout)
            assert created.exit_code == 0, created.stderr
