"""The policy file: what can stand in it, and what a mistake says."""

from pathlib import Path

import pytest

from tocsin_agent.policy import Policy
from tocsin_agent.policy.file import BadPolicy, parse_policy, read_policy
from tocsin_agent.policy.paths import Directories
from tocsin_shared.network import Reach

EXAMPLE = Path(__file__).parents[3] / "systemd" / "agent-policy.toml"


def test_an_empty_file_allows_everything_but_commands_of_scripts() -> None:
    assert parse_policy("") == Policy()
    assert not Policy().allow_script_shell


def test_every_rule_can_be_set() -> None:
    policy = parse_policy(
        """
        task_types = ["shell", "http"]
        run_as = ["backup"]
        controllers = ["https://tocsin.example.org/"]
        controller_fingerprints = ["SHA256:AA:%s"]
        allow_script_shell = true
        [directories]
        working = ["/srv"]
        read = []
        write = ["/srv/in", "/var/in"]
        [network]
        default = "none"
        allow = ["10.0.0.0/8", "*.example.org"]
        deny = ["metadata"]
        """
        % ("bb" * 31)
    )
    assert policy == Policy(
        task_types=frozenset({"shell", "http"}),
        run_as=frozenset({"backup"}),
        controllers=frozenset({"https://tocsin.example.org"}),
        fingerprints=frozenset({"aa" + "bb" * 31}),
        allow_script_shell=True,
        directories=Directories((Path("/srv"),), (), (Path("/srv/in"), Path("/var/in"))),
        reach=Reach("none", ("10.0.0.0/8", "*.example.org"), ("metadata",)),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task_type = ['shell']", "task_type: there is no such setting"),
        ("[network]\nblock = []", "network.block: there is no such setting"),
        ("[network]\ndeny = ['10.0.0.1/8']", "network.deny.0: '10.0.0.1/8' is not a network"),
        ("[network]\ndefault = 'some'", "network.default: Input should be 'all'"),
        ("[directories]\nwrite = ['srv']", "directories.write.0: must be an absolute path"),
        ("task_types = 'shell'", "task_types: Input should be a valid list"),
        ("run_as = ['a:b']", "run_as.0: "),
        ("controllers = ['tocsin']", "controllers.0: must be an address"),
        ("controllers = []", "controllers: "),
        ("controller_fingerprints = ['aa']", "controller_fingerprints.0: must be the SHA-256"),
        ("allow_script_shell = 'no'", "allow_script_shell: "),
        ("task_types = ]", "line 1"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(BadPolicy) as error:
        read_policy(file)
    assert str(error.value).startswith(f"the policy {file} is wrong: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_policy_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match="can't be read: No such file"):
        read_policy(tmp_path / "none.toml")


def test_a_policy_that_everybody_can_write_is_none(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("")
    file.chmod(0o666)
    with pytest.raises(BadPolicy, match="can be written by everybody"):
        read_policy(file)


def test_the_example_is_a_policy_and_so_is_all_that_is_commented_out() -> None:
    text = EXAMPLE.read_text()
    assert parse_policy(text) == Policy()
    spoken = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if "=" in line or line.startswith("# [")
    )
    policy = parse_policy(spoken)
    assert policy.task_types
    assert policy.directories.write
    assert policy.reach.deny
