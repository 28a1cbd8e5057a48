"""`docker_build` tasks, against an engine that speaks Docker's documented API and builds nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.services.docker_api import IMAGE, DockerApi, docker_api

from tocsin_agent.tasks.docker.runner import default_tag
from tocsin_agent.tasks.docker.sockets import find_engine
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.protocol import GivenScript, Limits
from tocsin_shared.tasks import DockerBuildTask

S = ExecutionStatus
DOCKERFILE = "FROM alpine\nCMD echo hello\n"
GIVEN = GivenScript(name="web", script_type="dockerfile", code=DOCKERFILE)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[DockerApi]:
    async with docker_api(tmp_path) as api:
        yield api


def task(tag: str | None = None, **more: Any) -> DockerBuildTask:
    return DockerBuildTask(type="docker_build", script_name="web", image_tag=tag, **more)


def registry(socket: Path) -> TaskRegistry:
    found = TaskRegistry()
    found.configure("docker_build", engine=socket)
    return found


async def run(engine: DockerApi, wanted: DockerBuildTask, **options: Any) -> Ran:
    return await run_task(wanted, script=GIVEN, registry=registry(engine.socket), **options)


async def test_a_dockerfile_is_built_and_what_the_engine_says_is_the_output(engine: DockerApi) -> None:
    ran = await run(engine, task(build_args={"A": "b", "TOKEN": "t0ps3cret"}), redact=["t0ps3cret"])
    assert (ran.status, ran.outcome.exit_code) == (S.SUCCEEDED, 0), ran.errors
    assert engine.builds[0]["files"] == {"Dockerfile": DOCKERFILE}
    assert engine.builds[0]["query"]["t"] == "tocsin-web:latest"
    assert engine.builds[0]["query"]["buildargs"] == '{"A": "b", "TOKEN": "t0ps3cret"}'
    assert ran.text.splitlines() == [
        "Step 1/2 : FROM alpine", "c158987b0551: Pulling fs layer", 'args {"A": "b", "TOKEN": "*********"}',
        "Successfully built 5c5c5c5c5c5c", "Successfully tagged tocsin-web:latest",
    ]  # fmt: skip
    assert engine.containers == []


async def test_a_container_is_run_to_its_end_and_removed(engine: DockerApi) -> None:
    limits = Limits(memory_max_bytes=64 << 20, cpu_max=0.5, pids_max=10)
    ran = await run(engine, task("mine", run_after_build=True), limits=limits)
    assert (ran.status, ran.outcome.exit_code) == (S.SUCCEEDED, 0), ran.errors
    assert ran.text.endswith("Successfully tagged mine\nhello\n")
    assert ran.stderr == b"\xff\x00 binary\n"
    (config,) = engine.containers
    assert config["Image"] == IMAGE
    assert config["HostConfig"] == {
        "Memory": 64 << 20, "MemorySwap": 64 << 20, "NanoCpus": 500_000_000, "PidsLimit": 10,
    }  # fmt: skip
    assert len(engine.removed) == 1


async def test_the_exit_code_of_the_container_is_that_of_the_execution(engine: DockerApi) -> None:
    engine.exit_code = 3
    ran = await run(engine, task(run_after_build=True))
    assert (ran.status, ran.outcome.exit_code, ran.outcome.reason) == (S.FAILED, 3, Reason.EXIT_CODE)
    assert len(engine.removed) == 1


@pytest.mark.parametrize(("exit_code", "status"), [(0, S.SUCCEEDED), (3, S.FAILED)])
async def test_an_exit_code_counts_when_the_engine_says_no_more_of_the_container(
    engine: DockerApi, exit_code: int, status: ExecutionStatus
) -> None:
    engine.exit_code, engine.prunes = exit_code, True
    ran = await run(engine, task(run_after_build=True))
    assert (ran.status, ran.outcome.exit_code) == (status, exit_code), ran.errors


async def test_a_container_that_took_too_much_memory_is_told_apart(engine: DockerApi) -> None:
    engine.exit_code, engine.oom_killed = 137, True
    ran = await run(engine, task(run_after_build=True))
    assert (ran.status, ran.outcome.exit_code, ran.outcome.reason) == (S.FAILED, 137, Reason.OOM)


@pytest.mark.parametrize(
    ("tag", "reason", "exit_code", "message"),
    [
        ("fails", Reason.EXIT_CODE, 7, "The build failed. (The command '/bin/sh -c exit 7' returned"),
        ("unknown-base", Reason.DRIVER_ERROR, None, "The build failed. (pull access denied for nothing"),
        ("refused", Reason.DRIVER_ERROR, None, "unknown instruction: FORM"),
        ("cut", Reason.DRIVER_ERROR, None, ""),
    ],
)
async def test_a_build_that_does_not_end_well_says_why(
    engine: DockerApi, tag: str, reason: Reason, exit_code: int | None, message: str
) -> None:
    ran = await run(engine, task(tag, run_after_build=True))
    assert (ran.status, ran.outcome.reason, ran.outcome.exit_code) == (S.FAILED, reason, exit_code), ran
    assert message in (ran.outcome.message or "")
    assert ran.errors.strip() == ran.outcome.message
    assert engine.containers == []


async def test_a_cancel_gives_the_build_up(engine: DockerApi) -> None:
    async with started_task(task("slow"), script=GIVEN, registry=registry(engine.socket)) as running:
        await running.prints(b"Step 1/2")
        running.cancel()
        ran = await running.ended()
        await engine.build_given_up.wait()
    assert (ran.status, ran.outcome.reason) == (S.CANCELLED, Reason.CANCELLED)


async def test_a_cancel_removes_the_container(engine: DockerApi) -> None:
    engine.is_endless = True
    wanted = task(run_after_build=True)
    async with started_task(wanted, script=GIVEN, registry=registry(engine.socket)) as running:
        await running.prints(b"hello")
        running.cancel()
        ran = await running.ended()
    assert (ran.status, len(engine.removed)) == (S.CANCELLED, 1)


async def test_a_build_that_takes_too_long_is_timed_out(engine: DockerApi) -> None:
    ran = await run(engine, task("slow"), timeout_secs=1)
    assert (ran.status, ran.outcome.reason) == (S.TIMED_OUT, Reason.TIMEOUT)


async def test_an_engine_that_is_not_there_is_said(tmp_path: Path) -> None:
    ran = await run_task(task(), script=GIVEN, registry=registry(tmp_path / "gone.sock"))
    assert (ran.status, ran.outcome.reason) == (S.FAILED, Reason.CONNECT_FAILED)
    assert "Could not connect to the engine." in (ran.outcome.message or "")


async def test_an_engine_is_found_where_it_listens(
    engine: DockerApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    assert find_engine() is None
    assert find_engine(engine.socket) == engine.socket
    monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.socket}")
    assert find_engine() == engine.socket
    assert find_engine(tmp_path) is None


def test_images_get_names_that_engines_take() -> None:
    assert default_tag("My_Web--App") == "tocsin-my-web-app:latest"
    assert default_tag("__") == "tocsin-image:latest"
