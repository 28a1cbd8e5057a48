"""A whole agent in about 30 lines of plain Python: register, poll, run, report.

Start it with TOCSIN_URL=http://127.0.0.1:8080 TOCSIN_KEY=<agent key> python simple_agent.py
"""

import json
import os
import time
import urllib.request

URL, KEY = os.environ["TOCSIN_URL"], os.environ["TOCSIN_KEY"]


def call(url, body=None):
    """GET, or POST with a body. Network errors, 429 and 5xx are tried again: late is better than lost."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
                return json.loads(answer.read() or "null")
        except OSError as error:
            if 400 <= getattr(error, "code", 0) < 500 and error.code != 429:
                raise
            time.sleep(2)


who = {"name": "example", "agent_type": "custom", "tags": ["demo"]}
me = call(f"{URL}/api/agents/register", {**who, "hostname": "here", "address": "", "port": 0})["agent_id"]

while True:
    item = call(f"{URL}/api/agent-queue/{me}/next?wait=30")
    if item is None:  # 204: nothing to do yet
        continue
    print("running", item["execution_id"], flush=True)
    output = f"did {item['task']['agent_task_type']} with {item['task']['data']}\n"
    result = {"status": "succeeded", "exit_code": 0, "stdout": output, "stderr": ""}
    ids = {"execution_id": item["execution_id"], "job_id": item["job_id"], "agent_id": me}
    call(item["callback_url"], {**ids, **result})
