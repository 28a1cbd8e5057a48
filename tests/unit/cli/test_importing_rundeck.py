"""Rundeck's job definitions as job documents."""

import subprocess
from typing import Any

import pytest

from tocsin_cli.importing.converted import CannotConvert, Converted
from tocsin_cli.importing.quartz import to_cron
from tocsin_cli.importing.rundeck import RundeckOptions, read_jobs
from tocsin_cli.importing.rundeck_files import read_definitions
from tocsin_controller.scheduling.cron_syntax import parse
from tocsin_shared.jobs import JobCreate

SERVER: dict[str, Any] = {"type": "any"}
OPTIONS = RundeckOptions(None, SERVER, "Europe/Berlin")

YAML = """
- name: report
  group: ops/daily
  description: the daily report
  uuid: 0f3a
  executionEnabled: true
  scheduleEnabled: false
  multipleExecutions: true
  timeout: 6h 30m
  retry: {delay: 1m, retry: '3'}
  schedule:
    time: {hour: '05', minute: '01', seconds: '0'}
    month: APR,MAR
    year: '*'
    weekday: {day: 2-6}
  options:
  - {name: place, value: here, values: [here, there], enforced: true}
  - {name: who-ever, required: true, regex: '[a-z]+'}
  sequence:
    keepgoing: false
    strategy: node-first
    commands:
    - exec: echo ${option.place}
    - script: |
        #!/bin/bash
        echo "$1 @option.who-ever@"
      args: from ${option.place}
  nodefilters:
    filter: 'tags: web+eu !tags: old'
    dispatch: {threadcount: 2, keepgoing: false}
  notification:
    onfailure: {email: {recipients: ops@example.org}}
"""

XML = """<?xml version="1.0" encoding="UTF-8"?>
<joblist>
  <job>
    <name>who's in?</name>
    <group>sysadm</group>
    <context><options>
      <option name="port" value="80" values="80,8080" enforcedvalues="true"/>
    </options></context>
    <schedule crontab="02 00 06,07 ? * 2#1 *"/>
    <retry delay="30">2</retry>
    <sequence keepgoing="true">
      <command><exec>who -p ${option.port}</exec></command>
      <command><script><![CDATA[echo done]]></script><scriptargs>now</scriptargs></command>
    </sequence>
    <nodefilters><filter>.*</filter></nodefilters>
    <dispatch><threadcount>1</threadcount><keepgoing>true</keepgoing></dispatch>
  </job>
</joblist>
"""


def read(text: str) -> Converted:
    """Each document is one that the API takes."""
    found = read_jobs(read_definitions(text, "jobs"), OPTIONS)
    for one in found.documents:
        JobCreate.model_validate(one)
        if one["schedule"]["type"] == "cron":
            parse(one["schedule"]["value"])
    return found


def one(**changes: Any) -> tuple[dict[str, Any], list[str]]:
    job = {"name": "job", "sequence": {"commands": [{"exec": "true"}]}} | changes
    found = read_jobs([job], OPTIONS)
    (document,) = found.documents
    JobCreate.model_validate(document)
    return document, [note for _, note in found.notes]


def refusal(**changes: Any) -> str:
    job = {"name": "job", "sequence": {"commands": [{"exec": "true"}]}} | changes
    found = read_jobs([job], OPTIONS)
    assert found.documents == []
    ((_, note),) = found.notes
    return note


def test_a_definition_in_yaml() -> None:
    found = read(YAML)
    (job,) = found.documents
    assert (job["name"], job["group"], job["description"]) == ("report", "ops-daily", "the daily report")
    assert (job["schedule"]["value"], job["timezone"]) == ("0 01 05 * APR,MAR 1-5", "Europe/Berlin")
    assert (job["status"], job["timeout_secs"]) == ("paused", 23_400)
    assert (job["retry_max"], job["retry_delay_secs"]) == (3, 60)
    assert "max_concurrent" not in job
    assert job["parameters"] == [
        {
            "name": "place",
            "param_type": "select",
            "required": False,
            "options": ["here", "there"],
            "default": "here",
        },
        {"name": "who_ever", "param_type": "text", "required": True},
    ]
    assert job["target"] == {
        "type": "tagged",
        "expression": "web and eu and not (old)",
        "mode": "all",
    }
    assert job["rollout"] == {"batch": 2, "stop_after_failures": 1}
    env = job["task"]["env"]
    assert env["STEP_2_SCRIPT"] == '#!/bin/bash\necho "$1 {{params.who_ever}}"\n'
    assert (env["RD_OPTION_PLACE"], env["RD_OPTION_WHO_EVER"]) == ("{{params.place}}", "{{params.who_ever}}")
    assert [note for _, note in found.notes] == [
        "its option who-ever is the parameter who_ever",
        "its option who-ever is not checked against [a-z]+",
        "runs on all agents with web and eu and not (old)",
        "its notifications onfailure (ops@example.org) do not come along: let a job react to its events",
    ]


def test_the_same_in_xml() -> None:
    found = read(XML)
    (job,) = found.documents
    assert (job["name"], job["group"]) == ("sysadm-who-s-in", "sysadm")
    assert job["schedule"]["value"] == "02 00 06,07 * * 1#1"
    assert (job["retry_max"], job["retry_delay_secs"], job["max_concurrent"]) == (2, 30, 1)
    assert (job["target"], job["rollout"]) == ({"type": "all"}, {"batch": 1})
    assert job["parameters"][0]["options"] == ["80", "8080"]
    assert job["task"]["command"].startswith("failed=0\n(\nwho -p {{params.port}}\n) || failed=1\n")


@pytest.mark.parametrize(
    ("keepgoing", "output", "code"), [("false", "from a\n", 3), ("true", "from a\nb it's fine\n", 1)]
)
def test_steps_run_one_after_the_other(keepgoing: str, output: str, code: int) -> None:
    steps = [
        {"script": "#!/bin/bash\necho from $1\nexit 3\n", "args": "a"},
        {"script": 'echo b it\\\'s "$1"', "args": "fine"},
    ]
    document, _ = one(sequence={"keepgoing": keepgoing, "commands": steps})
    task = document["task"]
    done = subprocess.run(["/bin/sh", "-c", task["command"]], env=task["env"], capture_output=True, text=True)
    assert (done.stdout, done.returncode, done.stderr) == (output, code, "")


@pytest.mark.parametrize(
    ("quartz", "cron"),
    [
        ("0 30 */6 ? Jan Mon *", "0 30 */6 * Jan Mon"),
        ("0 0 0 ? * 2-6", "0 0 0 * * 1-5"),
        ("0 0 0 ? * 6L", "0 0 0 * * 5L"),
        ("0 0 0 ? * L", "0 0 0 * * 6"),
        ("0 0 0 ? * MON#2 *", "0 0 0 * * MON#2"),
        ("0 0 0 LW * ?", "0 0 0 LW * *"),
        ("0 0/5 0 15W * ? *", "0 0/5 0 15W * *"),
    ],
)
def test_quartz(quartz: str, cron: str) -> None:
    assert to_cron(quartz) == cron
    parse(cron)


@pytest.mark.parametrize(
    "quartz", ["0 0 0 ? * 1 2030", "0 0 0 L-3 * ?", "* * *", "0 0 0 ? * 8", "0 0 0 1 * MON", "0 0 0 ? * what"]
)
def test_quartz_that_cron_cannot_say(quartz: str) -> None:
    with pytest.raises(ValueError, match=r"can't be said|fields|from 1 to 7|at once"):
        to_cron(quartz)


def test_steps_without_a_counterpart_leave_the_job_out() -> None:
    def steps(**step: Any) -> dict[str, Any]:
        return {"commands": [{"exec": "true"}, step]}

    assert "runs the job ops/other" in refusal(sequence=steps(jobref={"group": "ops", "name": "other"}))
    assert "runs /srv/x.sh" in refusal(sequence=steps(scriptfile="/srv/x.sh"))
    assert "no counterpart: jenkins-build" in refusal(sequence=steps(type="jenkins-build", nodeStep="false"))
    assert "no steps" in refusal(sequence={"commands": []})
    assert "longer than" in refusal(sequence=steps(script="x" * 200_000))


def test_filters_that_are_more_than_tags_need_a_target() -> None:
    assert "give --target" in refusal(nodefilters={"filter": "tags: web name: web-.*"})
    job = {"name": "job", "sequence": {"commands": [{"exec": "true"}]}, "nodefilters": {"filter": "web-1"}}
    found = read_jobs([job], RundeckOptions({"type": "local"}, SERVER, "UTC"))
    assert found.documents[0]["target"] == {"type": "local"}
    document, _ = one(nodefilters={"include": {"tags": "a,b"}, "exclude": {"tags": "c"}, "dispatch": {}})
    assert document["target"]["expression"] == "(a or b) and not (c)"
    assert one()[0]["target"] == SERVER


def test_nodes_that_a_filter_excludes_stay_out() -> None:
    wanted = {"filter": "tags: web", "filterExclude": "tags: old", "dispatch": {"threadcount": "${option.n}"}}
    document, notes = one(nodefilters=wanted)
    assert document["target"]["expression"] == "web and not (old)"
    assert document["rollout"] == {"stop_after_failures": 1}
    assert any("'${option.n}' is no number" in note for note in notes)
    for filters in (
        {"filter": "tags: a", "filterExclude": "name: web-1"},
        {"filterExclude": "name: .*"},
        {"filter": "tags: a", "filterExclude": "!tags: b"},
        {"filter": "tags: a", "filterExclude": "tags: b tags: c"},
        {"filter": "tags: a !tags: b", "dispatch": {"excludePrecedence": "false"}},
        {"filter": "tags: a", "somethingNew": "x"},
    ):
        assert "give --target" in refusal(nodefilters=filters), filters


def test_settings_that_have_no_counterpart_are_told_in_each_form() -> None:
    document, notes = one(
        multipleExecutions="true",
        maxMultipleExecutions="3",
        nodefilters={
            "filter": "tags: a",
            "dispatch": {"rankAttribute": "x", "successOnEmptyNodeFilter": "false"},
        },
        nodesSelectedByDefault="false",
        schedules=[{"name": "nightly"}],
        options=[{"name": "f", "type": "file"}, {"name": "v", "values": "a;b", "valuesListDelimiter": ";"}],
        sequence={
            "strategy": "parallel",
            "commands": [{"exec": "echo ${unquotedoption.v}"}, {"exec": "echo {{A}}"}],
        },
    )
    assert document["max_concurrent"] == 3
    assert document["task"]["command"].endswith("(\necho {{{{A}}\n)")
    assert [note for note in notes if "runs on all agents with" not in note] == [
        "a value of ${unquotedoption.*} in its step 1 is one word here, whatever is in it",
        "its steps run one after the other on each host, not by the strategy parallel",
        "its option f is a text, not of the type file",
        "rankAttribute of its nodes does not come along",
        "runs on all agents that its filter means: nobody chooses among them for a run",
        "schedules does not come along",
    ]
    found = read("<joblist><job><name>x</name><schedules><s/></schedules><sequence><command><exec>true</exec></command>"
                 "</sequence></job></joblist>")  # fmt: skip
    assert found.notes == [("x", "schedules does not come along")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "daily"}, {"schedule": {"time": "05:00"}}, {"options": ["a"]}, {"options": {"a": "b"}},
        {"options": "a"}, {"nodefilters": ["tags: a"]}, {"nodefilters": {"filter": "tags: a", "dispatch": "x"}},
        {"nodefilters": {"include": "tags: a"}},
    ],
)  # fmt: skip
def test_definitions_of_another_shape_leave_the_job_out(wrong: dict[str, Any]) -> None:
    assert " no " in refusal(**wrong)


def test_what_says_nothing_is_not_told() -> None:
    text = (
        "- name: x\n  notifyAvgDurationThreshold: null\n  timeout: ~\n  plugins: {ExecutionLifecycle: {}}\n"
    )
    found = read(f"{text}  sequence: {{commands: [{{exec: 'true'}}]}}\n")
    assert (found.notes, "timeout_secs" in found.documents[0]) == ([], False)
    job = "<job><name>x</name><sequence><command><exec>true</exec></command></sequence><logging limit='{}'/></job>"
    assert read(f"<joblist>{job.format('')}</joblist>").notes == []
    assert read(f"<joblist>{job.format('9MB')}</joblist>").notes == [("x", "loglimit does not come along")]


def test_a_job_that_reads_what_nobody_sets_is_paused() -> None:
    option, step = {"name": "v"}, {"script": "echo $RD_OPTION_V $RD_JOB_ID"}
    document, notes = one(options=[option], sequence={"commands": [{"exec": "rm -rf $JAVA_HOME/x"}, step]})
    assert document["status"] == "paused"
    assert notes == ["is paused until somebody has looked at it: nobody sets $JAVA_HOME, $RD_JOB_ID here"]


def test_what_else_is_told() -> None:
    document, notes = one(
        timeout="${option.t}",
        retry="${option.r}",
        executionEnabled="false",
        options=[
            {"name": "p", "secure": "true", "storagePath": "keys/p"},
            {"name": "m", "multivalued": "true", "valuesUrl": "http://x"},
        ],
        sequence={"commands": [{"exec": "echo ${job.name}", "errorhandler": {"exec": "false"}}]},
    )
    assert document["status"] == "paused"
    assert [one["default"] for one in document["parameters"]] == ["", ""]
    for told in (
        "error handler of its step 1",
        "${job.name}",
        "timeout '${option.t}'",
        "retry '${option.r}'",
        "can still be run by hand",
        "keys/p",
        "is secure there",
        "http://x",
        "one text",
    ):
        assert any(told in note for note in notes), told


def test_jobs_of_one_name_are_told_apart_by_their_groups() -> None:
    jobs = [{"name": "x", "group": group, "sequence": [{"exec": "true"}]} for group in ("a", "b")]
    assert [one["name"] for one in read_jobs(jobs, OPTIONS).documents] == ["a-x", "b-x"]


def test_files_that_are_no_definitions_are_refused() -> None:
    entity = '<!DOCTYPE x [<!ENTITY a "aaaa">]><joblist><job><name>&a;</name></job></joblist>'
    for text in (entity, "<joblist>", "<project/>", "a: [", "- text", "{}"):
        with pytest.raises(CannotConvert):
            read_definitions(text, "jobs")
