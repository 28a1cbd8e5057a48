#!/bin/sh
# Rewrites the hash-pinned locks from the pyproject files. Needs uv. Run after changing a dependency.
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-package tocsin-shared --no-emit-package tocsin-agent \
        --custom-compile-command "requirements/lock.sh" "$@" -o "requirements/$out"
}
lock agent.txt agent/pyproject.toml
lock agent-all.txt agent/pyproject.toml --extra all
lock controller.txt agent/pyproject.toml controller/pyproject.toml --extra embedded --extra all
lock cli.txt cli/pyproject.toml
lock dev.txt agent/pyproject.toml controller/pyproject.toml --extra embedded --extra all cli/pyproject.toml --group pyproject.toml:dev
