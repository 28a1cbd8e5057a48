"""A site with `django-dkron`: jobs are kept by its commands, its administration and its models.

Prints what came of it as JSON.
"""

import io
import json
import os
import sys

import django
from django.core.management import call_command

os.environ["DJANGO_SETTINGS_MODULE"] = "django_settings"


def command(name: str, *arguments: str) -> list[str]:
    """The lines that a management command says."""
    said = io.StringIO()
    call_command(name, *arguments, stdout=said, stderr=said)
    return sorted(said.getvalue().splitlines())


def in_dkron() -> dict[str, object]:
    """All jobs as the scheduler has them."""
    from dkron import utils

    return {job["name"]: job for job in utils._get("jobs").json()}


def main() -> None:
    """All of it. What needs a site that is set up is imported late."""
    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client
    from dkron import utils
    from dkron.models import Job

    told: dict[str, object] = {}
    call_command("migrate", verbosity=0)
    Job.objects.create(name="parent", schedule="@every 1h", command="echo a > b", use_shell=True, retries=2)
    Job.objects.create(name="child", schedule="@parent parent", command="true")
    Job.objects.create(name="wrong", schedule="61 * * * * *", command="true")
    told["synced"] = command("resync_dkron")
    told["jobs"] = in_dkron()
    Job.objects.filter(name__in=["child", "wrong"]).delete()
    Job.objects.filter(name="parent").update(enabled=False)
    told["synced again"] = command("resync_dkron")
    told["jobs left"] = in_dkron()

    browser = Client()
    browser.force_login(User.objects.create_superuser("ann"))
    form = {"name": "by-hand", "schedule": "@daily", "command": "true", "retries": "0", "enabled": "on"}
    told["added"] = browser.post("/admin/dkron/job/add/", form).status_code
    added = Job.objects.get(name="by-hand")
    told["changed"] = browser.post(
        f"/admin/dkron/job/{added.pk}/change/", form | {"retries": "3"}
    ).status_code
    told["by hand"] = in_dkron()["by-hand"]
    told["resynced"] = browser.get("/admin/dkron/job/resync/").status_code
    told["shown through the site"] = browser.get("/dkron/_/v1/jobs/by-hand").json()["name"]
    told["deleted"] = browser.post(f"/admin/dkron/job/{added.pk}/delete/", {"post": "yes"}).status_code

    told["started"], _ = utils.run_async("check")
    told["while it runs"] = sorted(in_dkron())
    told["cleaned"] = command("cleanup_dkron", "--days", "-1")
    told["in the end"] = sorted(in_dkron())
    json.dump(told, sys.stdout)


main()
