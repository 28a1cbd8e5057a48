"""Commands on another host, by a real OpenSSH server."""

import asyncio
import os
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from tests.integration.tasks.running import PATIENCE_SECS, run_task, started_task
from tests.net import free_port
from tests.services.sshd import SshServer, ssh_server

from tocsin_shared.connections.configs import SshConfig
from tocsin_shared.executions import ExecutionStatus, Reason, Stream
from tocsin_shared.tasks import SshTask

SUCCEEDED = ExecutionStatus.SUCCEEDED


def login(server: SshServer, **more: Any) -> SshConfig:
    known = {"private_key": server.private_key, "known_hosts": server.known_hosts}
    return SshConfig(**{"host": "127.0.0.1", "port": server.port, "username": server.username} | known | more)


def command(text: str, **more: Any) -> SshTask:
    return SshTask.model_validate({"type": "ssh", "connection": "test", "command": text} | more)


async def gone(pid: int) -> None:
    async with asyncio.timeout(PATIENCE_SECS):
        while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
            await asyncio.sleep(0.05)


# Tests that wait for output wait for dots: no secret begins with one, so they are not held back as the possible
# beginning of one.


async def test_a_command_gets_its_environment_and_input_and_its_exit_code_counts(sshd: SshServer) -> None:
    value = 'it\'s\n"100%" \\n $HOME `id`'
    text = "printf '%s|' \"$GREETING\"; cat; echo problem >&2; exit 7"
    ran = await run_task(command(text, env={"GREETING": value}, stdin="in\nput\\n"), login(sshd))
    assert ran.stdout == f"{value}|in\nput\\n".encode()
    assert "problem" in ran.errors
    assert ran.outcome.reason is Reason.EXIT_CODE
    assert ran.outcome.exit_code == 7
    fine = await run_task(command("true"), login(sshd))
    assert (fine.status, fine.outcome.exit_code) == (SUCCEEDED, 0)


async def test_binary_output_arrives_as_it_was_and_nothing_of_the_command_is_an_argument(
    sshd: SshServer,
) -> None:
    ran = await run_task(command(r"printf '\000\377\012\001'; tr '\000' ' ' </proc/$$/cmdline"), login(sshd))
    assert ran.stdout.startswith(b"\x00\xff\n\x01")
    assert b"cmdline" not in ran.stdout


async def test_a_signal_is_told_apart_from_an_exit_code(sshd: SshServer) -> None:
    ran = await run_task(command("kill -KILL $$"), login(sshd))
    assert ran.outcome.reason is Reason.SIGNAL
    assert "SIGKILL" in ran.errors or "SIGKILL" in (ran.outcome.message or "")


async def test_a_cancel_ends_the_command_over_there_with_time_to_tidy_up(sshd: SshServer) -> None:
    text = "trap 'echo tidied; exit 0' TERM; echo $$ ...; while :; do sleep 0.1; done"
    async with started_task(command(text), login(sshd), kill_grace_secs=PATIENCE_SECS) as running:
        await running.prints(b"...")
        pid = int(running.printed().split()[0])
        running.cancel(grace_secs=PATIENCE_SECS)
        ran = await running.ended()
    assert ran.status is ExecutionStatus.CANCELLED
    assert b"tidied" in ran.stdout
    await gone(pid)


async def test_a_command_that_ignores_the_cancel_is_killed_with_what_it_started(sshd: SshServer) -> None:
    text = "trap '' TERM; sleep 300 & echo $$ $! ...; wait; sleep 300"
    async with started_task(command(text), login(sshd)) as running:
        await running.prints(b"...")
        pids = [int(word) for word in running.printed().split()[:2]]
        running.cancel(grace_secs=0.2)
        assert (await running.ended()).status is ExecutionStatus.CANCELLED
    for pid in pids:
        await gone(pid)


async def test_a_timeout_ends_it_too(sshd: SshServer) -> None:
    ran = await run_task(command("sleep 300"), login(sshd), timeout_secs=0.5)
    assert ran.status is ExecutionStatus.TIMED_OUT


async def test_a_server_that_dies_meanwhile_is_an_error_of_its_own() -> None:
    with ssh_server() as server:
        async with started_task(command("echo here...; sleep 300 >/dev/null 2>&1"), login(server)) as running:
            await running.prints(b"...")
            # The process that serves this connection is a child in a session of its own.
            for child in children_of(server.server.process.pid):
                os.kill(child, 9)
            ran = await running.ended()
    assert ran.outcome.reason is Reason.DRIVER_ERROR
    assert "may go on there" in ran.errors


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_wrong_credentials_are_a_refused_login(sshd: SshServer) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    by_key = await run_task(command("true"), login(sshd, private_key=other))
    by_password = await run_task(command("true"), login(sshd, private_key=None, password="wrong-password"))
    no_key = await run_task(command("true"), login(sshd, private_key="not a key at all"))
    for ran in (by_key, by_password, no_key):
        assert ran.outcome.reason is Reason.LOGIN_FAILED
        assert "not a key at all" not in ran.errors
    nothing = await run_task(command("true"), login(sshd, private_key=None))
    assert nothing.outcome.reason is Reason.BAD_CONNECTION


async def test_a_key_may_have_a_passphrase(sshd: SshServer) -> None:
    key = asyncssh.import_private_key(sshd.private_key)
    locked = key.export_private_key(passphrase="open-sesame", rounds=2).decode()
    opened = await run_task(command("echo in"), login(sshd, private_key=locked, passphrase="open-sesame"))
    assert (opened.status, opened.text) == (SUCCEEDED, "in\n")
    for passphrase in ("wrong-one", None):
        ran = await run_task(command("true"), login(sshd, private_key=locked, passphrase=passphrase))
        assert ran.outcome.reason is Reason.LOGIN_FAILED
        assert "passphrase" in ran.errors


async def test_a_password_is_taken_and_the_task_can_name_the_server_itself() -> None:
    class Accounts(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("me", "right-one")

    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"let in\n")
        process.exit(0)

    # OpenSSH would ask for the password of a real account of this host.
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Accounts, server_host_keys=[key], process_factory=answer, encoding=None
    )
    config = SshConfig(
        host="127.0.0.1",
        port=server.get_port(),
        known_hosts=f"[127.0.0.1]:{server.get_port()} {key.export_public_key().decode()}",
    )
    try:
        ran = await run_task(command("x", username="me", password="right-one"), config)
        unknown = await run_task(
            SshTask(
                type="ssh",
                host="127.0.0.1",
                port=server.get_port(),
                username="me",
                password="right-one",
                command="x",
            )
        )
    finally:
        server.close()
    assert ran.text == "let in\n", ran.errors
    # Without a connection this host's known_hosts count.
    assert unknown.outcome.reason is Reason.CONNECT_FAILED
    assert "is not known" in unknown.errors


async def test_an_unknown_host_and_one_that_is_down_are_not_connected_to(sshd: SshServer) -> None:
    unknown = await run_task(command("true"), login(sshd, known_hosts=""))
    down = await run_task(command("true"), login(sshd, port=free_port()))
    assert unknown.outcome.reason is down.outcome.reason is Reason.CONNECT_FAILED
    assert "SHA256:" in unknown.errors
    trusting = await run_task(command("true"), login(sshd, known_hosts="", verify_host=False))
    assert trusting.status is SUCCEEDED


async def test_much_output_is_passed_on_and_cut_as_usual(sshd: SshServer) -> None:
    text = "head -c 5000000 /dev/zero | tr '\\000' x; echo end"
    ran = await run_task(command(text), login(sshd), max_output_bytes=100_000)
    assert ran.status is SUCCEEDED
    assert len(ran.stdout) <= 100_000
    assert ran.stdout.endswith(b"xend\n")


@pytest.mark.parametrize("stream", list(Stream))
async def test_output_is_seen_while_the_command_runs(sshd: SshServer, stream: Stream) -> None:
    there = ">&2" if stream is Stream.STDERR else ""
    async with started_task(command(f"echo early... {there}; sleep 300"), login(sshd)) as running:
        await running.prints(b"...", stream)
        running.cancel(grace_secs=0)
        await running.ended()
