"""Uses `pydkron` as its README does, on the host that is named, and prints what came of it as JSON."""

import json
import sys

from pydkron.client import DkronClient, DkronClientException, DkronJobNotFound

client = DkronClient(sys.argv[1:])
job = client.create_job(
    {
        "name": "pydkron-1",
        "schedule": "@every 1h",
        "owner": "ann",
        "tags": {"server": "true"},
        "executor": "shell",
        "executor_config": {"command": "echo $ENV_JOB_NAME", "shell": "true"},
    }
)
job.run()
job.owner = "bob"
saved = job.save()
told = {
    "status": client.status(),
    "saved": saved["owner"],
    "executions": job.executions(),
    "listed": [one.name for one in client.jobs()],
    "toggled": client.toggle("pydkron-1").disabled,
    "stored": json.loads(client.get_job("pydkron-1").marshal()),
    "deleted": job.delete()["name"],
}
for name, call in {
    "gone": client.get_job,
    "not run": client.run_job,
    "not listed": client.get_executions,
}.items():
    try:
        call("pydkron-1")
    except DkronJobNotFound as error:
        told[name] = str(error)
try:
    client.create_job({"name": "Not a name", "schedule": "@daily"})
except DkronClientException as error:
    told["refused"] = str(error)
json.dump(told, sys.stdout)
