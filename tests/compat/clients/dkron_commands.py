"""Runs commands of `dkron`'s program, given on stdin as JSON; prints the exit code and the words of each."""

import json
import sys

from click.testing import CliRunner
from dkron.cli import cli

runner = CliRunner()
told = []
for arguments in json.load(sys.stdin):
    result = runner.invoke(cli, arguments)
    told.append([result.exit_code, result.output])
json.dump(told, sys.stdout)
