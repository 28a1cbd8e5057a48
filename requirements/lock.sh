#!/bin/sh
# Rewrites the hash-pinned locks from the pyproject files. Needs uv and npm. Run after changing a dependency.
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
# The published clients that tests/compat runs, each where it can't disturb the rest.
lock_client() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "requirements/lock.sh" --override deploy/services/clients/overrides.in \
        "deploy/services/clients/$1.in" -o "deploy/services/clients/$1.txt"
}
lock_client build
lock_client dkron
lock_client django
(
    cd deploy/services/clients
    npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --silent
    node -e 'const fs = require("fs"), name = "package-lock.json", lock = JSON.parse(fs.readFileSync(name));
        for (const one of Object.values(lock.packages)) delete one.funding;
        fs.writeFileSync(name, JSON.stringify(lock, null, 2) + "\n")'
)
