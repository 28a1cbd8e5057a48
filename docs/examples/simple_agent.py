"""A whole agent in about 30 lines of plain Python: register, poll, run, report.

    TOCSIN_URL=http://127.0.0.1:8080 TOCSIN_KEY=<agent key> python simple_agent.py
"""

import json
import os
import urllib.request

URL, KEY = os.environ["TOCSIN_URL"], os.environ["TOCSIN_KEY"]


def call(url, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or "null")


me = call(
    f"{URL}/api/agents/register",
    {"name": "example", "agent_type": "custom", "tags": ["demo"], "hostname": "here", "address": "", "port": 0},
)["agent_id"]

while True:
    item = call(f"{URL}/api/agent-queue/{me}/next?wait=30")
    if item is None:  # 204: nothing to do yet
        continue
    print("running", item["execution_id"], flush=True)
    output = f"did {item['task']['agent_task_type']} with {item['task']['data']}\n"
    result = {"execution_id": item["execution_id"], "job_id": item["job_id"], "agent_id": me}
    call(item["callback_url"], {**result, "status": "succeeded", "exit_code": 0, "stdout": output, "stderr": ""})
