"""What this host's owner does not allow is not done, whatever the controller asks for."""

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.integration.agent.conftest import Agents, assignment
from tests.integration.agent.fake_controller import FakeController

from tocsin_agent.policy.file import parse_policy
from tocsin_shared.protocol import RegisterRequest, ResultEvent
from tocsin_shared.tasks import Task

OWN = pwd.getpwuid(os.geteuid()).pw_name


async def result(
    controller: FakeController, agents: Agents, policy: str, task: dict[str, Any], **given: Any
) -> ResultEvent:
    """How a task ends on an agent with this policy."""
    if not agents.running:
        await agents.start(policy=parse_policy(policy))
    job = assignment(task=TypeAdapter[Any](Task).validate_python(task), **given)
    await controller.offer(job)
    return await controller.result(job.execution_id)


def shell(command: str, **given: str) -> dict[str, Any]:
    return {"type": "shell", "command": command, **given}


async def test_a_type_that_is_not_allowed_is_neither_offered_nor_run(
    controller: FakeController, agents: Agents
) -> None:
    marker = agents.directory / "ran"
    ended = await result(controller, agents, "task_types = ['noop']", shell(f"touch {marker}"))
    (introduction,) = controller.bodies("register", RegisterRequest)
    assert introduction.task_types == ["noop"]
    assert (ended.status, ended.reason) == ("failed", "refused_by_agent")
    assert ended.message == "This agent's policy does not allow it: task_types does not name 'shell'."
    assert not marker.exists()
    allowed = await result(controller, agents, "", {"type": "noop"})
    assert allowed.status == "succeeded"


@pytest.mark.parametrize(
    ("task", "job"),
    [(shell("id", run_as="nobody"), {}), (shell("id"), {"run_as": "nobody"}), (shell("id"), {})],
    ids=["by its task", "by its job", "as the agent itself"],
)
async def test_an_account_that_is_not_allowed_is_not_used(
    controller: FakeController, agents: Agents, task: dict[str, Any], job: dict[str, Any]
) -> None:
    ended = await result(controller, agents, "run_as = ['backup']", task, **job)
    account = "nobody" if job or "run_as" in task else OWN
    assert (ended.status, ended.reason) == ("failed", "refused_by_agent")
    assert ended.message == f"This agent's policy does not allow it: run_as does not name '{account}'."


async def test_an_account_that_is_allowed_is_used(controller: FakeController, agents: Agents) -> None:
    ended = await result(controller, agents, f"run_as = ['{OWN}']", shell("true"))
    assert ended.status == "succeeded"


async def test_a_command_begins_only_where_it_may(
    controller: FakeController, agents: Agents, tmp_path: Path
) -> None:
    allowed = tmp_path / "srv"
    allowed.mkdir()
    (allowed / "elsewhere").symlink_to("/etc")
    policy = f"[directories]\nworking = ['{allowed}']"
    ended = await result(controller, agents, policy, shell("pwd", working_dir=f"{allowed}/elsewhere"))
    assert (ended.status, ended.reason) == ("failed", "refused_by_agent")
    assert "directories.working does not hold" in (ended.message or "")
    assert "which is /etc" in (ended.message or "")
    ended = await result(controller, agents, policy, shell("pwd", working_dir=str(allowed)))
    assert ended.status == "succeeded"


async def test_a_refusal_that_names_what_is_no_text_is_reported_too(
    controller: FakeController, agents: Agents, tmp_path: Path
) -> None:
    odd = os.fsencode(tmp_path) + b"/odd\xff"
    Path(os.fsdecode(odd)).mkdir()
    (tmp_path / "link").symlink_to(os.fsdecode(odd))
    policy = "[directories]\nworking = ['/srv']"
    ended = await result(controller, agents, policy, shell("pwd", working_dir=f"{tmp_path}/link"))
    assert (ended.status, ended.reason) == ("failed", "refused_by_agent")
    assert "/odd?." in (ended.message or "")


async def test_files_are_written_only_where_they_may_be_and_as_whom(
    controller: FakeController, agents: Agents, tmp_path: Path
) -> None:
    allowed = tmp_path / "srv"
    allowed.mkdir()
    (allowed / "elsewhere").symlink_to(tmp_path)
    policy = f"run_as = ['{OWN}']\n[directories]\nwrite = ['{allowed}']"
    push = {"type": "file_push", "filename": "f", "content_base64": "aGVsbG8="}
    ended = await result(controller, agents, policy, {**push, "destination": f"{allowed}/elsewhere/"})
    assert (ended.status, ended.reason) == ("failed", "refused_by_agent")
    assert "directories.write does not hold" in (ended.message or "")
    ended = await result(controller, agents, policy, {**push, "destination": f"{allowed}/f"}, run_as="nobody")
    assert (ended.status, ended.reason) == ("failed", "refused_by_agent")
    assert "run_as does not name 'nobody'" in (ended.message or "")
    assert sorted(path.name for path in tmp_path.rglob("f")) == []
    ended = await result(controller, agents, policy, {**push, "destination": f"{allowed}/new/"})
    assert ended.status == "succeeded", ended.message
    assert (allowed / "new" / "f").read_bytes() == b"hello"


async def test_a_server_that_may_not_be_called_is_not_asked_for(
    controller: FakeController, agents: Agents
) -> None:
    task = {"type": "redis", "url": "redis://u:hidden@localhost:6379", "channel": "c", "message": "m"}
    ended = await result(controller, agents, "[network]\ndeny = ['loopback']", task)
    assert (ended.status, ended.reason) == ("failed", "address_refused")
    assert ended.message is not None
    assert ended.message.startswith("localhost (")
    assert ended.message.endswith("may not be called: the network policy denies 'loopback'.")


async def test_a_url_that_may_not_be_called_is_not_called(controller: FakeController, agents: Agents) -> None:
    task = {"type": "http", "method": "get", "url": f"{controller.url}/api/agents"}
    ended = await result(controller, agents, "[network]\ndefault = 'guarded'", task)
    assert (ended.status, ended.reason) == ("failed", "address_refused")
    assert ended.message == "127.0.0.1 may not be called: the network policy refuses loopback addresses."
