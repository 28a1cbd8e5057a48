#!/usr/bin/env bash
# A whole agent in bash, with curl and jq: register, ask for work, do it, report.
# Start it with TOCSIN_URL=http://127.0.0.1:8080 TOCSIN_KEY=<agent key> ./bash_agent.sh
set -euo pipefail
: "${TOCSIN_URL:?}" "${TOCSIN_KEY:?}"
name=${1:-bash-example}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; kill $(jobs -p) 2>/dev/null || true' EXIT
trap 'exit 0' TERM INT
# Not as an argument: those can be read by every account of the host.
printf 'Authorization: Bearer %s\n' "$TOCSIN_KEY" >"$scratch/header"

# What this agent can do: a type and its data in JSON; output is the output, the exit code says how it went.
work() {
  local type=$1 data=$2
  case $type in
    greet) echo "hello $(jq -r '.who // "you"' <<<"$data")" ;;
    nap) sleep "$(jq -r .secs <<<"$data")" ;;
    *)
      echo "this agent has no tasks of type '$type'" >&2
      return 2
      ;;
  esac
}
export -f work

# call METHOD URL [FILE WITH BODY]: prints the answer. Late is better than lost: what may pass is tried again, for ever.
call() {
  local method=$1 url=$2 body=${3:-} status answer
  answer=$(mktemp -p "$scratch")
  while true; do
    status=$(curl --silent --max-time 60 --request "$method" --header "@$scratch/header" \
      --header 'Content-Type: application/json' ${body:+--data-binary "@$body"} \
      --output "$answer" --write-out '%{http_code}' "$url") || status=000
    case $status in
      204) : >"$answer" ;&
      2??) break ;;
      000 | 429 | 5??) sleep 2 ;;
      *)
        echo "$method $url was refused ($status): $(cat "$answer")" >&2
        rm -f "$answer"
        return 1
        ;;
    esac
  done
  cat "$answer"
  rm -f "$answer"
}

jq --null-input --arg name "$name" '{
  name: $name, agent_type: "custom", tags: ["demo"], hostname: "here", address: "", port: 0,
  custom_task_types: [
    {name: "greet", description: "Says hello.", fields: [{name: "who", label: "Whom", field_type: "text"}]},
    {name: "nap", description: "Sleeps.", fields: [{name: "secs", field_type: "number", required: true}]}
  ]
}' >"$scratch/registration"
registered=$(call POST "$TOCSIN_URL/api/agents/register" "$scratch/registration")
me=$(jq -r .agent_id <<<"$registered")

# Signs of life beside long work.
echo '{}' >"$scratch/heartbeat"
while sleep "$(jq -r .heartbeat_interval_secs <<<"$registered")"; do
  call POST "$TOCSIN_URL/api/agents/$me/heartbeat" "$scratch/heartbeat" >/dev/null || true
done &

while true; do
  # In the background, so that a signal is heard at once.
  call GET "$TOCSIN_URL/api/agent-queue/$me/next?wait=30" >"$scratch/item" &
  wait $!
  [[ -s $scratch/item ]] || continue # nothing to do yet
  type=$(jq -r '.task.agent_task_type // .task.type' "$scratch/item")
  data=$(jq -c '.task.data // {}' "$scratch/item")
  limit=$(jq -r '.timeout_secs // 0' "$scratch/item") # 0: none
  code=0
  timeout --kill-after=5 "$limit" bash -c 'work "$@"' work "$type" "$data" \
    >"$scratch/stdout" 2>"$scratch/stderr" || code=$?
  status=failed
  [[ $code -ne 0 ]] || status=succeeded
  [[ $code -ne 124 && $code -ne 137 ]] || status=timed_out
  jq --arg me "$me" --arg status "$status" --argjson code "$code" \
    --rawfile stdout "$scratch/stdout" --rawfile stderr "$scratch/stderr" \
    '{execution_id, job_id, agent_id: $me, status: $status, exit_code: $code, stdout: $stdout, stderr: $stderr}' \
    "$scratch/item" >"$scratch/result"
  call POST "$(jq -r .callback_url "$scratch/item")" "$scratch/result" >/dev/null
done
