"""Crontabs and systemd timers as job documents."""

import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_cli.importing.calendar_events import to_cron
from tocsin_cli.importing.converted import CannotConvert, Converted, name_from
from tocsin_cli.importing.crontab import CrontabOptions, read_crontab
from tocsin_cli.importing.systemd import read_timer
from tocsin_cli.importing.unit_files import read_unit
from tocsin_shared.jobs import JobCreate
from tocsin_shared.manifest import Names, resolved

HERE: dict[str, Any] = {"type": "local"}


def from_crontab(text: str, *, system: bool = False, user: str | None = None) -> Converted:
    return read_crontab(text, "tab", CrontabOptions(system, user, HERE, "Europe/Berlin"))


def from_timer(timer: str, service: str = "[Service]\nExecStart=/bin/true\n") -> Converted:
    units = read_unit(timer, "x.timer"), read_unit(service, "x.service")
    return read_timer("x", *units, target=HERE, timezone="UTC")


def accepted(found: Converted) -> list[dict[str, Any]]:
    """The documents, each of which the API takes."""
    for one in found.documents:
        body, wrong = resolved(one, Names())
        assert not wrong
        JobCreate.model_validate(body)
    return found.documents


def test_a_line_of_a_users_crontab_is_a_job() -> None:
    (job,) = accepted(from_crontab("# backups\n\n 30  4 1,15 * 5   /usr/bin/backup --all  \n", user="root"))
    assert job["schedule"] == {"type": "cron", "value": "30 4 1,15 * 5"}
    assert job["task"] == {"type": "shell", "command": "/usr/bin/backup --all"}
    assert (job["name"], job["run_as"], job["timezone"]) == (
        "cron-root-usr-bin-backup-all",
        "root",
        "Europe/Berlin",
    )


def test_a_line_of_a_systems_crontab_names_its_user() -> None:
    (job,) = accepted(from_crontab("@daily www-data cd /srv && ./tidy", system=True))
    assert (job["run_as"], job["task"]["command"]) == ("www-data", "cd /srv && ./tidy")
    assert job["schedule"]["value"] == "@daily"


def test_environment_lines_hold_for_the_lines_after_them() -> None:
    text = """
* * * * * before
PATH = /opt/bin:/usr/bin
GREETING="hello  world"
SHELL=/bin/bash
CRON_TZ=UTC
MAILTO=ops@example.org
* * * * * after | sort
"""
    found = from_crontab(text)
    before, after = accepted(found)
    assert "env" not in before["task"]
    assert after["task"] == {
        "type": "shell",
        "command": "exec /bin/bash -c 'after | sort'",
        "env": {"PATH": "/opt/bin:/usr/bin", "GREETING": "hello  world"},
    }
    assert after["timezone"] == "UTC"
    assert found.notes[1:] == [
        (after["name"], "output was mailed to ops@example.org; it is kept with the execution instead"),
        ("tab", "its jobs run as the agent's account: say whose crontab it is with --user"),
    ]


def test_a_percent_sign_begins_standard_input() -> None:
    (job,) = accepted(from_crontab(r"0 0 * * * mail -s 100\% joe%Hi Joe,%%Bye%"))
    assert job["task"]["command"] == "mail -s 100% joe"
    assert job["task"]["stdin"] == "Hi Joe,\n\nBye\n"


@pytest.mark.parametrize(
    ("line", "command", "stdin"),
    [
        (r"echo \\%one\%two", r"echo \\", "one%two\n"),
        (r"sed s/\./x/%a", r"sed s/\./x/", "a\n"),
        ("cat%", "cat", None),
        ("cat%%", "cat", "\n"),
        ("cat%{{A}}\u2028b", "cat", "{{{{A}}\u2028b\n"),
    ],
)
def test_what_percent_signs_and_backslashes_mean(line: str, command: str, stdin: str | None) -> None:
    (job,) = accepted(from_crontab(f"0 0 * * * {line}\n"))
    assert (job["task"]["command"], job["task"].get("stdin")) == (command, stdin)


def test_what_crons_read_in_different_ways_is_told() -> None:
    found = from_crontab("CRON_TZ=Asia/Tokyo\n5/15 * * * * steps\n", user="bob")
    assert accepted(found)[0]["timezone"] == "Asia/Tokyo"
    assert [note for _, note in found.notes] == [
        "5/15 is from 5 on in steps of 15 here; crons take it for 5 alone, or refuse it",
        "follows the clock of CRON_TZ, Asia/Tokyo, at which Debian's cron does not look",
    ]


def test_a_leading_star_means_days_that_fit_both_fields() -> None:
    jobs = accepted(from_crontab("0 0 */1 * 1-5 a\n0 0 15 * */1 b\n0 0 1-7 * */2 c\n0 0 1-7 * 1 d\n"))
    assert [job["schedule"]["value"] for job in jobs] == [
        "0 0 * * 1-5", "0 0 15 * *", "0 0 * * 0#1,2#1,4#1,6#1", "0 0 1-7 * 1",
    ]  # fmt: skip


def test_what_has_no_counterpart_is_told() -> None:
    found = from_crontab("@reboot start-it\n0 0 */2 * 1 odd-mondays\n* * * * * echo {{NAME}}\n")
    reboot, both, reference = accepted(found)
    assert reboot["schedule"] == {"type": "on_demand"}
    told = dict(found.notes)
    assert "at each boot" in told[reboot["name"]]
    assert both["schedule"] == {"type": "on_demand"}
    assert "which cron means by */2 and 1" in told[both["name"]]
    assert reference["task"]["command"] == "echo {{{{NAME}}"


@pytest.mark.parametrize("line", ["* * * * command", "@sometimes x", "@daily", "every day"])
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(CannotConvert, match="tab:2"):
        from_crontab(f"# first\n{line}")


def test_jobs_have_the_same_names_each_time_and_different_ones_each() -> None:
    text = "* * * * * same\n0 * * * * same\n5 * * * * " + "long " * 100
    names = [job["name"] for job in accepted(from_crontab(text))]
    assert names[:2] == ["cron-same", "cron-same-2"]
    assert len(set(names)) == 3
    assert names == [job["name"] for job in from_crontab(text).documents]


def test_jobs_of_several_sources_wait_for_those_of_their_own() -> None:
    chain = Converted([{"name": "a"}, {"name": "b", "depends_on": [{"job": "a"}]}], [("b", "told")])
    found = Converted()
    found.take(chain)
    found.take(chain)
    assert [one["name"] for one in found.documents] == ["a", "b", "a-2", "b-2"]
    assert [one["depends_on"] for one in found.documents[1::2]] == [[{"job": "a"}], [{"job": "a-2"}]]
    assert found.notes == [("b", "told"), ("b-2", "told")]


@given(st.text(min_size=1, max_size=200))
def test_any_command_gives_a_name_that_a_job_may_have(command: str) -> None:
    name = name_from("cron", command)
    JobCreate.model_validate({"name": name, "task": {"type": "noop"}, "schedule": {"type": "on_demand"}})


@pytest.mark.parametrize(
    ("event", "cron"),
    [
        ("daily", "0 0 0 * * *"),
        ("Weekly", "0 0 0 * * 1"),
        ("*-*-* 03:00:00", "0 0 3 * * *"),
        ("Mon..Fri 09:30", "0 30 9 * * 1-5"),
        ("Sat,Sun *-*-* 10:00", "0 0 10 * * 6,7"),
        ("Sat..Mon 01:00", "0 0 1 * * 6-7,1"),
        ("*:0/15", "0 */15 * * * *"),
        ("*-*-01 00:05", "0 5 0 1 * *"),
        ("*-01,07-01 02:00:30", "30 0 2 1 1,7 *"),
        ("*-*~01 23:00", "0 0 23 L * *"),
        ("*-*-* 08..18:00/20:00", "0 */20 8-18 * * *"),
        ("04..05:10", "0 10 4-5 * * *"),
        ("*-*-2/3 06:00", "0 0 6 2/3 * *"),
        ("Sun *-*-1..7 1:00:00", "0 0 1 * * 0#1"),
    ],
)
def test_calendar_events_are_cron_expressions(event: str, cron: str) -> None:
    assert to_cron(event) == (cron, None)
    accepted(from_timer(f"[Timer]\nOnCalendar={event}\n"))


def test_a_calendar_event_may_name_its_zone() -> None:
    assert to_cron("*-*-* 02:00 Europe/Paris") == ("0 0 2 * * *", "Europe/Paris")


@pytest.mark.parametrize(
    "event",
    ["2026-01-01 00:00", "Mon *-*-01 00:00", "*-*~07 00:00", "00:00:00.5", "someday", "Foo 10:00", "1:2:3:4"],
)
def test_what_cron_cannot_say_is_told(event: str) -> None:
    found = from_timer(f"[Timer]\nOnCalendar={event}\n")
    assert not found.documents
    assert found.notes[0][1].startswith(f"not imported: OnCalendar={event}")


def test_a_timer_with_its_service_is_a_job() -> None:
    timer = (
        "[Unit]\nDescription=Backup\n[Timer]\nOnCalendar=daily\nRandomizedDelaySec=5min\nPersistent=true\n"
    )
    service = """
[Service]
Type=oneshot
User=backup
WorkingDirectory=/srv
Environment="A=x y" B=2
ExecStart=-/bin/prepare
ExecStart=/bin/echo one;two "$HOME" ${A}b 50%% \\
    'a b'
TimeoutStartSec=1h 30min
PrivateTmp=yes
"""
    found = from_timer(timer, service)
    (job,) = accepted(found)
    assert (job["name"], job["description"], job["run_as"]) == ("x", "Backup", "backup")
    assert (job["timeout_secs"], job["jitter_secs"], job["max_concurrent"]) == (5_400, 300, 1)
    assert job["catchup_window_secs"] == 31 * 86_400
    assert job["task"]["env"] == {"A": "x y", "B": "2"}
    assert ("x", "PrivateTmp of the service does not come along") in found.notes
    printed = subprocess.run(
        ["/bin/sh", "-c", job["task"]["command"].replace("/bin/prepare", "/bin/false")],
        env={"HOME": "/h", "A": "x y"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert printed == "one;two /h x yb 50% a b\n"


def printed_by(*lines: str, env: str = "") -> str:
    """What a service of these commands prints here."""
    starts = "".join(f"ExecStart={line}\n" for line in lines)
    (job,) = accepted(
        from_timer("[Timer]\nOnCalendar=daily\n", f"[Service]\nType=oneshot\nEnvironment={env}\n{starts}")
    )
    assert "status" not in job
    done = subprocess.run(
        ["/bin/sh", "-c", job["task"]["command"]],
        env={"HOME": "/h", **job["task"].get("env", {})}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        (r"""/bin/sh -c 'for f in a b; do echo "<$f>" $(echo x); done'""", "<a> x\n<b> x\n"),
        (r"/bin/echo one ; -/bin/false ; /bin/echo two \; 'a;b'", "one\ntwo ; a;b\n"),
        (r"""/bin/echo 'it\'s' "\x41\u0042\103" \d a\sb""", "it's ABC \\d a b\n"),
        (
            "/bin/echo a$HOME $$HOME $${HOME} ${HOME}/$$5 `date` $(date)",
            "a$HOME $HOME ${HOME} /h/$5 `date` $(date)\n",
        ),
        (":/bin/echo $HOME ${HOME} $$", "$HOME ${HOME} $$\n"),
        ("@/bin/echo greeter hello", "hello\n"),
        ('"/bin/echo" "a b"c', "a bc\n"),
    ],
)
def test_commands_mean_what_systemd_means_by_them(line: str, printed: str) -> None:
    assert printed_by(line) == printed


def test_a_variable_that_stands_alone_is_split_at_its_blanks_only() -> None:
    assert printed_by("/usr/bin/printf <%%s> $OPTS ${OPTS}", env='"OPTS=a /*" X=100%%') == "<a></*><a /*>"


@pytest.mark.parametrize(
    ("timer", "service", "why"),
    [
        ("", "ExecStart=/bin/x $OPTIONS", "nobody sets $OPTIONS here"),
        ("", "ExecStart=/bin/sh -c 'rm -rf $RUNTIME_DIRECTORY/*'", "nobody sets $RUNTIME_DIRECTORY here"),
        ("", "ExecStart=/bin/x\nExecCondition=/bin/y", "nobody runs its ExecCondition=/bin/y"),
        ("[Unit]\nConditionACPower=true", "ExecStart=/bin/x", "nobody looks at its ConditionACPower=true"),
    ],
)
def test_what_a_service_needs_and_nobody_sees_to_leaves_a_paused_job(
    timer: str, service: str, why: str
) -> None:
    found = from_timer(f"[Timer]\nOnCalendar=daily\n{timer}\n", f"[Service]\nUser=bob\n{service}\n")
    assert accepted(found)[0]["status"] == "paused"
    assert found.notes == [("x", f"is paused until somebody has looked at it: {why}")]


def test_what_else_stands_in_units_is_told() -> None:
    found = from_timer(
        "[Timer]\nOnCalendar=daily\nWakeSystem=true\nAccuracySec=1s\n",
        "[Unit]\nRequires=db.service\n[Service]\nUser=bob\nExecStart=+/bin/x\nWorkingDirectory=-/srv\nProtectHome=yes\n"
        "EnvironmentFile=/x\nEnvironmentFile=\n[Install]\nWantedBy=timers.target\n",
    )
    assert accepted(found)[0]["task"]["working_dir"] == "/srv"
    assert [note for _, note in found.notes] == [
        "/bin/x runs as the same account as the rest, not with all privileges",
        "WakeSystem of the timer does not come along",
        "Requires of the service does not come along",
        "ProtectHome of the service does not come along",
        "its directory has to be there; a missing one was ignored",
    ]


@pytest.mark.parametrize(
    ("lines", "secs"),
    [
        ("TimeoutStartSec=90", None),
        ("RuntimeMaxSec=2min", 120),
        ("Type=oneshot\nTimeoutStartSec=90", 90),
        ("Type=oneshot\nTimeoutSec=10\nRuntimeMaxSec=5", 10),
        ("Type=oneshot\nTimeoutStartSec=0", None),
        ("Type=oneshot\nTimeoutStartSec=infinity", None),
    ],
)
def test_only_a_oneshot_is_bounded_by_its_start(lines: str, secs: int | None) -> None:
    (job,) = accepted(from_timer("[Timer]\nOnCalendar=daily\n", f"[Service]\nExecStart=/bin/x\n{lines}\n"))
    assert job.get("timeout_secs") == secs


def test_comments_of_a_unit_continue_nothing_and_may_stand_in_what_is_continued() -> None:
    text = "# a comment \\\n[Service]\nExecStart=/bin/x \\\n  # --never\n  --fl\u2028ag \\\n\nUser=a\\\\\n"
    unit = read_unit(text, "x.service")
    assert unit.all("Service", "ExecStart") == ["/bin/x  --fl\u2028ag"]
    assert unit.last("Service", "User") == "a\\\\"


def test_a_service_without_a_user_is_told_to_run_as_the_agent() -> None:
    found = from_timer("[Timer]\nOnCalendar=daily\n")
    assert found.notes == [("x", "runs as the agent's account, not as root: its service has no User=")]


def test_spans_are_intervals_and_what_counts_from_a_boot_is_told() -> None:
    found = from_timer("[Timer]\nOnBootSec=5min\nOnUnitActiveSec=1h\nOnUnitInactiveSec=90\n")
    active, inactive = accepted(found)
    assert active["schedule"] == {"type": "interval", "value": {"interval_secs": 3_600}}
    assert inactive["schedule"]["value"] == {"interval_secs": 90, "counted_from": "finish"}
    assert active["catchup"] == "none"
    assert found.notes[0][0] == "x.timer"
    assert "boot" in found.notes[0][1]


@pytest.mark.parametrize(
    ("timer", "service", "why"),
    [
        ("[Timer]\nOnCalendar=daily\n", "[Service]\n", "no ExecStart"),
        ("[Timer]\nOnCalendar=daily\n", "[Service]\nExecStart=/bin/x %i\n", "specifiers"),
        ("[Timer]\nOnCalendar=daily\n", "[Service]\nExecStart=/bin/x ${A:-b}\n", "not understood"),
        ("[Timer]\nOnCalendar=daily\n", "[Service]\nExecStart=/bin/x 'a\n", "not closed"),
        ("[Timer]\nOnCalendar=daily\n", "[Service]\nExecStart=/bin/x\nUser=%i\n", "specifiers"),
        ("[Timer]\nOnCalendar=daily\n", "[Service]\nExecStart=/bin/x\nEnvironment=A=%h\n", "specifiers"),
        ("[Timer]\nOnCalendar=daily\n", "[Service]\nExecStart=/bin/x\nWorkingDirectory=~\n", "directory"),
        ("[Timer]\nOnUnitActiveSec=soon\n", "[Service]\nExecStart=/bin/x\n", "no span of time"),
        ("OnCalendar=daily\n", "", "no unit file"),
    ],
)
def test_units_that_cannot_be_taken_over_are_refused(timer: str, service: str, why: str) -> None:
    with pytest.raises(CannotConvert, match=why):
        from_timer(timer, service)
