#!/usr/bin/env bash
# Installs the servers that the tests of task types start for themselves: Debian's packages, and Kafka's published
# jars below ~/.cache/tocsin-services, where the published clients of Dkron come too. Does nothing when all is there.
# No server is started, or left to start at boot.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/go/bin"

# Each with a program that it brings: where that is there already, from wherever, the package is not needed.
packages=(
  curl:curl
  default-jre-headless:java # Kafka
  golang-go:go              # an example of an agent
  jq:jq
  mariadb-client-core:my_print_defaults
  mariadb-server-core:mariadbd
  maven:mvn # fetches Kafka
  mosquitto:mosquitto
  nats-server:nats-server
  nodejs:node # runs a client of Dkron
  npm:npm     # fetches it
  openssh-server:sshd
  rabbitmq-server:rabbitmq-server
  redis-server:redis-server
  vsftpd:vsftpd
)
# What these bring along that would otherwise start at boot.
units=(epmd.service epmd.socket mosquitto.service nats-server.service rabbitmq-server.service redis-server.service ssh.service vsftpd.service)
policy=/usr/sbin/policy-rc.d
fetched="${XDG_CACHE_HOME:-$HOME/.cache}/tocsin-services"
kafka="$fetched/kafka"
clients="$fetched/clients"

install_packages() {
  local missing=() unit own_policy=
  for package in "${packages[@]}"; do
    command -v "${package#*:}" >/dev/null || missing+=("${package%:*}")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $EUID -ne 0 ]]; then
    echo "make services needs root to install: ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]} ..."
  declare -A were_enabled=()
  if [[ -d /run/systemd/system ]]; then
    for unit in "${units[@]}"; do
      if systemctl --quiet is-enabled "$unit" 2>/dev/null; then were_enabled[$unit]=1; fi
    done
  fi
  if [[ ! -e $policy ]]; then
    # How Debian is told to start nothing that it installs.
    own_policy=1
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  local quietly=(-qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  apt-get "${quietly[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || {
    # Lists of packages that are too old, or none yet.
    apt-get "${quietly[@]}" update
    apt-get "${quietly[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
  }
  if [[ -d /run/systemd/system ]]; then
    for unit in "${units[@]}"; do
      [[ -n ${were_enabled[$unit]:-} ]] || systemctl --quiet disable "$unit" 2>/dev/null || true
    done
  fi
  if [[ -n $own_policy ]]; then rm -f "$policy"; fi
}

# The jars lie in one directory beside the pom that they were fetched for.
fetch_kafka() {
  cmp --silent services/pom.xml "$kafka/pom.xml" && return 0
  echo "Fetching Kafka's jars to $kafka ..."
  local fresh="$kafka.$$"
  rm -rf "$fresh"
  mkdir -p "$fresh"
  mvn --quiet --batch-mode --file services/pom.xml \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$fresh/jars"
  cp services/pom.xml "$fresh/pom.xml"
  rm -rf "$kafka"
  mv "$fresh" "$kafka"
}

# A virtual environment for each of the locks, and node's modules, beside the locks that they were fetched for.
fetch_clients() {
  diff --brief --exclude='*.in' services/clients "$clients/locks" >/dev/null 2>&1 && return 0
  echo "Fetching clients of Dkron to $clients ..."
  local fresh="$clients.$$" name
  rm -rf "$fresh"
  mkdir -p "$fresh/locks"
  cp services/clients/*.txt services/clients/*.json "$fresh/locks"
  for name in dkron django; do
    "${PYTHON:-python3}" -m venv "$fresh/$name"
    local pip=("$fresh/$name/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps)
    "${pip[@]}" -r services/clients/build.txt
    "${pip[@]}" --no-build-isolation -r "services/clients/$name.txt"
  done
  cp services/clients/*.json "$fresh"
  npm ci --prefix "$fresh" --ignore-scripts --no-audit --no-fund --loglevel=error
  rm -rf "$clients"
  mv "$fresh" "$clients"
}

# What there are programs for already is fetched while packages are installed.
fetching=()
if command -v mvn >/dev/null && command -v java >/dev/null; then
  fetch_kafka &
  fetching+=($!)
fi
if command -v npm >/dev/null; then
  fetch_clients &
  fetching+=($!)
fi
install_packages
for one in "${fetching[@]}"; do wait "$one"; done
fetch_kafka
fetch_clients
