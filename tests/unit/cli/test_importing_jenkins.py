"""Jenkins' freestyle jobs and declarative pipelines as job documents."""

import subprocess
from typing import Any
from uuid import UUID

import pytest

from tocsin_cli.importing.converted import CannotConvert, Converted
from tocsin_cli.importing.jenkins import JenkinsOptions, read_config
from tocsin_cli.importing.jenkins_pipelines import read_jenkinsfile
from tocsin_cli.importing.jenkins_timers import read_timers
from tocsin_cli.importing.rundeck_files import parse_xml
from tocsin_controller.scheduling.cron_syntax import parse
from tocsin_shared.jobs import JobCreate
from tocsin_shared.manifest import Names, resolved

OPTIONS = JenkinsOptions({"type": "local"}, "Europe/Berlin")

CONFIG = """<?xml version='1.1' encoding='UTF-8'?>
<project>
  <description>nightly</description>
  <properties><hudson.plugins.throttleconcurrents.ThrottleJobProperty/><hudson.model.ParametersDefinitionProperty><parameterDefinitions>
    <hudson.model.StringParameterDefinition>
      <name>PLACE</name><defaultValue>here</defaultValue>
    </hudson.model.StringParameterDefinition>
    <hudson.model.ChoiceParameterDefinition>
      <name>KIND</name><choices class="a"><a><string>x</string><string>y</string></a></choices>
    </hudson.model.ChoiceParameterDefinition>
    <hudson.model.PasswordParameterDefinition><name>PASS</name></hudson.model.PasswordParameterDefinition>
  </parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>
  <scm class="hudson.plugins.git.GitSCM"/>
  <assignedNode>linux</assignedNode>
  <disabled>true</disabled>
  <blockBuildWhenUpstreamBuilding>true</blockBuildWhenUpstreamBuilding>
  <blockBuildWhenDownstreamBuilding>false</blockBuildWhenDownstreamBuilding>
  <triggers>
    <hudson.triggers.TimerTrigger><spec># at night
TZ=Asia/Tokyo
H 2 * * 1-5
@weekly</spec></hudson.triggers.TimerTrigger>
    <hudson.triggers.SCMTrigger><spec>H * * * *</spec></hudson.triggers.SCMTrigger>
  </triggers>
  <concurrentBuild>false</concurrentBuild>
  <builders>
    <hudson.tasks.Shell><command>echo $PLACE</command></hudson.tasks.Shell>
    <hudson.tasks.Shell><command>#!/bin/bash
false
echo $KIND</command></hudson.tasks.Shell>
  </builders>
  <publishers><hudson.tasks.Mailer/></publishers>
</project>
"""

PIPELINE = """
// builds it
pipeline {
  agent any
  triggers { cron('H 2 * * *') }
  parameters {
    string(name: 'PLACE', defaultValue: 'here, or there', description: 'where')
    choice(name: 'KIND', choices: ['x', 'y'])
    booleanParam(name: 'DRY', defaultValue: true)
  }
  options { disableConcurrentBuilds()
            timestamps() }
  environment { LEVEL = 'high' }
  stages {
    stage('Build it') {
      steps {
        sh 'echo {a} $LEVEL' /* braces */
        sh "echo ${params.PLACE}"
        junit '**/*.xml'
      }
    }
    stage('Ship') {
      steps {
        sh '''
          echo one
          echo "two"
        '''
        echo 'done'
      }
      post { always { sh 'echo never' } }
    }
  }
}
"""


def checked(found: Converted) -> Converted:
    """Each document is one that the API takes."""
    jobs = {one["name"]: UUID(int=number) for number, one in enumerate(found.documents)}
    for one in found.documents:
        body, wrong = resolved(one, Names(jobs=jobs))
        assert not wrong
        JobCreate.model_validate(body)
        if body["schedule"]["type"] == "cron":
            parse(body["schedule"]["value"], one["name"])
    return found


def config(text: str) -> Converted:
    return checked(read_config(parse_xml(text, "config.xml"), "job", OPTIONS))


def pipeline(text: str) -> Converted:
    return checked(read_jenkinsfile(text, "app", OPTIONS))


def output(job: dict[str, Any], **params: str) -> tuple[int, str]:
    env = {name: params.get(name, value) for name, value in job["task"]["env"].items()}
    done = subprocess.run(["/bin/sh", "-c", job["task"]["command"]], env=env, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_a_freestyle_job_is_a_job_for_each_timer() -> None:
    found = config(CONFIG)
    first, second = found.documents
    assert (first["schedule"]["value"], second["schedule"]["value"]) == ("H 2 * * 1-5", "H H * * H")
    assert (first["timezone"], first["status"], first["description"]) == ("Asia/Tokyo", "paused", "nightly")
    assert (first["max_concurrent"], first["overlap"], first["max_queued"]) == (1, "queue", 1)
    assert [one["name"] for one in first["parameters"]] == ["PLACE", "KIND"]
    assert first["parameters"][1]["options"] == ["x", "y"]
    assert output(first, PLACE="there", KIND="y") == (0, "there\ny\n")
    told = [note for _, note in found.notes]
    for what in (
        "PASS",
        "label linux",
        "SCMTrigger",
        "hudson.tasks.Mailer",
        "check out its sources",
        "UpstreamBuilding",
        "Throttle",
    ):
        assert any(what in note for note in told), what


def test_a_step_without_a_first_line_stops_at_the_first_failure() -> None:
    step = "<hudson.tasks.Shell><command>false\necho on</command></hudson.tasks.Shell>"
    (job,) = config(f"<project><builders>{step}</builders></project>").documents
    assert output(job) == (1, "")
    assert job["schedule"] == {"type": "on_demand"}


def test_other_build_steps_and_other_projects_are_told() -> None:
    found = config("<project><builders><hudson.tasks.Maven/></builders></project>")
    assert found.notes == [
        ("job", "not imported: there is no counterpart of its build step hudson.tasks.Maven")
    ]
    with pytest.raises(CannotConvert, match="no freestyle job"):
        config("<flow-definition/>")


def test_a_pipeline_is_a_chain_of_jobs() -> None:
    found = pipeline(PIPELINE)
    build, ship = found.documents
    assert (build["name"], ship["name"]) == ("app-Build-it", "app-Ship")
    assert build["schedule"] == {"type": "cron", "value": "H 2 * * *"}
    assert (ship["schedule"], ship["depends_on"]) == ({"type": "on_demand"}, [{"job": "app-Build-it"}])
    assert build["parameters"][0] == {
        "name": "PLACE",
        "param_type": "text",
        "default": "here, or there",
        "description": "where",
    }
    assert [one["default"] for one in build["parameters"][1:]] == ["x", True]
    assert (build["max_concurrent"], "status" in build) == (1, False)
    assert output(build, PLACE="there") == (0, "{a} high\nthere\n")
    assert output(ship) == (0, "one\ntwo\ndone\n")
    assert found.notes == [
        ("app-Build-it", "its option timestamps() does not come along"),
        ("app-Build-it", "its step junit does not come along"),
        ("app-Ship", "what follows it (post) does not come along"),
        ("app-Ship", "gets the defaults of its parameters when the stage before it starts it"),
    ]


@pytest.mark.parametrize(
    "stage",
    [
        "when { branch 'main' }\nsteps { sh 'true' }",
        'steps { sh "echo ${env.A.toLowerCase()}" }',
        "steps { script { sh 'true' } }",
        "steps { withCredentials([string(credentialsId: 'x', variable: 'Y')]) { sh 'true' } }",
        "steps { sh(script: 'true', returnStdout: true) }",
        "environment { KEY = credentials('key') }\nsteps { sh 'true' }",
        "agent { docker { image 'x' } }\nsteps { sh 'true' }",
        "parallel { stage('a') { steps { sh 'true' } } }",
        "steps { checkout scm }",
        'steps { sh "rm -rf ${target}/*" }',
        'steps { sh "rm -rf $target/*" }',
        'steps { sh "rm -rf ${env.WORKSPACE}/*" }',
        'steps { sh "echo $params.OTHER" }',
        'steps { sh "echo $env.PLACE.toLowerCase" }',
        """steps { sh "echo '${params.PLACE}'" }""",
        """steps { sh "echo \\"$(awk '{print ${PLACE}}')\\"" }""",
        "steps { sh '''a''' + b + '''c''' }",
        "steps { sh 'rm -rf $WORKSPACE/*' }",
        "steps { sh 'rm -rf \"${BUILD_TAG}\"/*' }",
        'steps { echo "$target" }',
    ],
)
def test_what_is_not_understood_leaves_a_paused_job(stage: str) -> None:
    parameters = "parameters { string(name: 'PLACE') }"
    found = pipeline(f"pipeline {{ agent any\n{parameters}\nstages {{ stage('one') {{ {stage} }} }} }}")
    (job,) = found.documents
    assert job["status"] == "paused"
    assert any(note.startswith("is paused until somebody has looked at it: ") for _, note in found.notes)


def test_what_stands_in_a_text_is_the_variable_of_a_shell() -> None:
    steps = r"""
        sh "echo $params.PLACE ${ params.PLACE } \"$PLACE\" ${env.LEVEL}x \$HOME \\\\$LEVEL $PLACE\u0021"
        echo 'costs $5, \\n stays'
        echo "${PLACE}'s $LEVEL"
    """
    found = pipeline(
        f"""
        @Library('steps') _
        import groovy.json.JsonOutput
        def unused = 5
        pipeline {{
          parameters {{ string(name: 'PLACE', defaultValue: 'here') }}
          environment {{ LEVEL = 'high' }}
          stages {{ stage('one') {{ steps {{ {steps} }} }} }}
        }}
        """
    )
    (job,) = found.documents
    assert "status" not in job
    env = {**job["task"]["env"], "PLACE": "a b", "HOME": "/h"}
    done = subprocess.run(["/bin/sh", "-c", job["task"]["command"]], env=env, capture_output=True, text=True)
    assert done.stdout == "a b a b a b highx /h \\high a b!\ncosts $5, \\n stays\na b's high\n"
    assert [note.split("'")[1] for _, note in found.notes] == [
        ["@Library(", "steps') _"][0], "import groovy.json.JsonOutput", "def unused = 5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "beside",
    ["properties([pipelineTriggers([cron('H * * * *')])])", "target = '/srv'", "node { sh 'true' }"],
)
def test_what_does_something_beside_a_pipeline_leaves_paused_jobs(beside: str) -> None:
    (job,) = pipeline(
        f"{beside}\npipeline {{ stages {{ stage('one') {{ steps {{ sh 'true' }} }} }} }}"
    ).documents
    assert job["status"] == "paused"


@pytest.mark.parametrize(
    ("script", "unset"),
    [
        ("rm -rf $WORKSPACE/*", ["WORKSPACE"]),
        ("cd ${JENKINS_HOME} && echo $PLACE $HOME $lower", ["JENKINS_HOME"]),
        ("X=1; for Y1 in a; do echo $X1 $Y1; done", ["X1"]),
        ("awk '{print $NF}' # don't $HERE\necho '$HOST_A' \\$HOST_B ${HOST_C:-c}", []),
        ("read -r FIRST SECOND; echo $FIRST$SECOND", []),
        ("#!/usr/bin/perl\nprint $ENV", []),
        (': ${TO_A:=a} "${TO_B:?say it}"; mapfile -t LISTED; echo $TO_A $TO_B $LISTED', []),
        ('#!/bin/bash -e\necho "it\'s $BUILD_ID"', ["BUILD_ID"]),
    ],
)
def test_a_freestyle_job_that_reads_what_nobody_sets_is_paused(script: str, unset: list[str]) -> None:
    step = f"<hudson.tasks.Shell><command><![CDATA[{script}]]></command></hudson.tasks.Shell>"
    place = (
        "<hudson.model.StringParameterDefinition><name>PLACE</name></hudson.model.StringParameterDefinition>"
    )
    found = config(
        f"<project><properties><x.ParametersDefinitionProperty><parameterDefinitions>{place}"
        "</parameterDefinitions></x.ParametersDefinitionProperty></properties>"
        f"<builders>{step}</builders></project>"
    )
    assert found.documents[0].get("status") == ("paused" if unset else None)
    assert [note for _, note in found.notes] == [
        f"is paused until somebody has looked at it: nobody sets ${name} here" for name in unset
    ]


@pytest.mark.parametrize(
    "text",
    [
        "node { sh 'true' }",
        "pipeline {",
        "pipeline { } }",
        "",
        "pipeline { triggers { cron(x) } }",
        "pipeline { stages { stage(\"${x.y}\") { steps { sh 'x' } } } }",
    ],
)
def test_other_jenkinsfiles_are_refused(text: str) -> None:
    with pytest.raises(CannotConvert):
        pipeline(text)


def test_timers() -> None:
    assert read_timers("@midnight\n\nH/15 * * * *").crons == ["H H(0-2) * * *", "H/15 * * * *"]
    with pytest.raises(ValueError, match="no timer"):
        read_timers("soon")


def test_a_timer_is_due_on_days_that_fit_both_of_its_fields() -> None:
    step = "<builders><hudson.tasks.Shell><command>true</command></hudson.tasks.Shell></builders>"
    timers = (
        "<triggers><hudson.triggers.TimerTrigger><spec>{}</spec></hudson.triggers.TimerTrigger></triggers>"
    )
    first = config(f"<project>{step}{timers.format('H 3 1-7 * 1')}</project>").documents[0]
    assert first["schedule"]["value"] == "H 3 * * 1#1"
    found = config(f"<project>{step}{timers.format('H 3 13 * 5')}</project>")
    assert found.documents[0]["schedule"] == {"type": "on_demand"}
    assert "its timer 'H 3 13 * 5' does not come along" in found.notes[0][1]
