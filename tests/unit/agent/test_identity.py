"""Who an agent is stays the same over restarts, stays secret, and stays one process's own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin_agent.identity import Identity, StateDir, StateError
from tocsin_shared.ids import new_id


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "deep" / "state")


def test_the_directory_and_what_is_in_it_are_for_the_agent_alone(state: StateDir) -> None:
    with state.locked():
        Identity.open(state, "web-1")
    assert mode(state.path) == 0o700
    assert {file.name: mode(file) for file in state.path.iterdir()} == {"identity.json": 0o600, "lock": 0o600}


def test_an_open_directory_is_closed_to_others(state: StateDir) -> None:
    state.path.mkdir(parents=True, mode=0o755)
    with state.locked():
        assert mode(state.path) == 0o700


def test_an_agent_is_the_same_one_after_a_restart(state: StateDir) -> None:
    with state.locked():
        first = Identity.open(state, "web-1")
        known = first.ready_to_register(state).as_registered(state, new_id(), epoch=3)
    with state.locked():
        assert Identity.open(state, "web-1") == known
    assert known.credential == first.credential
    assert known.epoch == 3


def test_the_next_mark_is_on_disk_before_it_is_presented_and_replaces_the_mark_after(state: StateDir) -> None:
    with state.locked():
        ready = Identity.open(state, "web-1").ready_to_register(state)
        assert Identity.read(state) == ready
        assert ready.ready_to_register(state) == ready
        registered = ready.as_registered(state, new_id(), epoch=0)
        assert Identity.read(state) == registered
        assert (registered.state_mark, registered.next_state_mark) == (ready.next_state_mark, None)
        assert registered.ready_to_register(state).state_mark == ready.next_state_mark


def test_an_identity_from_before_there_were_marks_is_read(state: StateDir) -> None:
    state.path.mkdir(parents=True)
    state.identity_file.write_text('{"name": "web-1", "agent_id": null, "credential": "tca_x"}')
    assert Identity.read(state) == Identity("web-1", None, "tca_x")


def test_every_agent_makes_a_secret_of_its_own() -> None:
    one, other = Identity("a"), Identity("a")
    assert one.credential != other.credential
    assert len(one.credential) > 40


def test_only_the_hash_of_the_secret_is_told() -> None:
    identity = Identity("a")
    assert identity.credential_sha256 == hashlib.sha256(identity.credential.encode()).hexdigest()
    assert identity.credential not in repr(identity)


def test_a_new_name_keeps_the_identity(state: StateDir) -> None:
    with state.locked():
        before = Identity.open(state, "old").as_registered(state, new_id(), epoch=0)
        before.store(state)
        after = Identity.open(state, "new")
    assert (after.name, after.agent_id, after.credential) == ("new", before.agent_id, before.credential)
    assert Identity.read(state) == after


def test_without_an_agent_there_is_no_identity(state: StateDir) -> None:
    assert Identity.read(state) is None
    assert not state.path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"name":"a","agent_id":"no uuid","credential":"c"}',
        b'{"name":"a","agent_id":7,"credential":"c"}',
        b'{"name":"a","agent_id":null}',
    ],
)
def test_a_damaged_file_is_told_and_never_replaced(state: StateDir, content: bytes) -> None:
    with state.locked():
        state.identity_file.write_bytes(content)
        with pytest.raises(StateError, match="restore it, or move it away"):
            Identity.open(state, "web-1")
    assert state.identity_file.read_bytes() == content


def test_what_a_crash_left_of_a_draft_is_in_nobodys_way(state: StateDir) -> None:
    with state.locked():
        (state.path / "identity.json.new").write_bytes(b'{"na')
        identity = Identity.open(state, "web-1")
        assert Identity.read(state) == identity
        assert not (state.path / "identity.json.new").exists()


def test_two_agents_cannot_share_a_directory(state: StateDir) -> None:
    with (
        state.locked(),
        pytest.raises(StateError, match="another agent is running"),
        StateDir(state.path).locked(),
    ):
        pass


def test_another_process_is_kept_out_and_sees_who_is_in(state: StateDir) -> None:
    script = (
        "import sys, pathlib; from tocsin_agent.identity import StateDir, StateError\n"
        "state = StateDir(pathlib.Path(sys.argv[1])); print(state.holder_pid())\n"
        "try:\n    with state.locked(): print('in')\n"
        "except StateError: print('out')"
    )
    command = [sys.executable, "-c", script, str(state.path)]
    with state.locked():
        assert subprocess.check_output(command, text=True).split() == [str(os.getpid()), "out"]
    assert subprocess.check_output(command, text=True).split() == ["None", "in"]


def test_the_lock_ends_with_the_process_that_held_it(state: StateDir) -> None:
    script = (
        "import os, sys, pathlib; from tocsin_agent.identity import StateDir\n"
        "with StateDir(pathlib.Path(sys.argv[1])).locked(): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(state.path)], check=False).returncode == 9
    assert state.holder_pid() is None
    with state.locked():
        assert state.holder_pid() == os.getpid()


def test_the_lock_may_be_nested(state: StateDir) -> None:
    with state.locked():
        with state.locked():
            pass
        assert state.holder_pid() == os.getpid()
    assert state.holder_pid() is None


def test_an_error_inside_gives_the_directory_up(state: StateDir) -> None:
    with pytest.raises(RuntimeError), state.locked():
        raise RuntimeError
    with StateDir(state.path).locked():
        pass


def test_a_file_where_the_directory_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StateError, match="can't be used"), StateDir(tmp_path / "state").locked():
        pass
