"""Jobs as code over HTTP: documents in, documents out, all or nothing."""

import asyncio
from typing import Any
from unittest.mock import ANY

from hypothesis import Phase, given, settings
from tests.definitions import whole_definitions
from tests.integration.api.conftest import Api

from tocsin_shared.jobs import JobDefinition

EVERY_HOUR = {"type": "cron", "value": "0 0 * * * *"}


def document(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "task": {"type": "noop"},
        "schedule": "on_demand",
        "target": {"type": "any"},
        **more,
    }


async def apply(api: Api, *documents: dict[str, Any], **more: Any) -> Any:
    return await api.post("/api/jobs/apply", {"documents": list(documents), **more})


async def refused(api: Api, *documents: dict[str, Any], **more: Any) -> tuple[int, list[str]]:
    answer = await api.call("POST", "/api/jobs/apply", {"documents": list(documents), **more})
    return answer.status, [detail["field"] for detail in answer.json["details"]]


async def documents_of(api: Api, query: str = "") -> list[dict[str, Any]]:
    return [one["document"] for one in (await api.get("/api/jobs/manifests" + query))["data"]]


async def names(api: Api) -> list[str]:
    return [job["name"] for job in (await api.get("/api/jobs"))["data"]]


def actions(answer: Any) -> dict[str, str]:
    return {job["name"]: job["action"] for job in answer["jobs"]}


async def test_jobs_become_what_their_documents_say(api: Api) -> None:
    await apply(api, document("a"), document("b"))
    changed = document("a", priority=3, schedule=EVERY_HOUR)
    planned = await apply(api, changed, document("b"), document("c"), dry_run=True)
    assert actions(planned) == {"a": "change", "b": "unchanged", "c": "create"}
    assert (planned["applied"], planned["created"], planned["changed"], planned["unchanged"]) == (
        False,
        1,
        1,
        1,
    )
    assert [change["path"] for change in planned["jobs"][0]["changes"]] == ["priority", "schedule"]
    assert await names(api) == ["a", "b"]
    done = await apply(api, changed, document("b"), document("c"))
    assert done["plan"] == planned["plan"]
    assert [job["job_id"] for job in done["jobs"]] == [
        (await api.get(f"/api/jobs/{name}"))["id"] for name in ("a", "b", "c")
    ]
    job = await api.get("/api/jobs/a")
    assert (job["version"], job["priority"], job["next_fire_time"] is not None) == (2, 3, True)
    again = await apply(api, changed, document("b"), document("c"))
    assert set(actions(again).values()) == {"unchanged"}
    assert (await api.get("/api/jobs/a"))["version"] == 2


async def test_one_bad_document_changes_nothing_and_all_that_is_wrong_is_told(api: Api) -> None:
    await apply(api, document("a"))
    bad = [
        document("a", priority=5),
        document("b", priority=5000, retrys=1),
        document("c", target={"type": "agent", "agent": "nobody"}),
        {"task": {}},
        document("a"),
    ]
    status, fields = await refused(api, *bad)
    assert status == 400
    assert set(fields) == {
        "documents.1.priority", "documents.1.retrys", "documents.2.target.agent", "documents.3.name",
        "documents.3.schedule", "documents.3.task", "documents.4.name",
    }  # fmt: skip
    status, fields = await refused(
        api,
        document("a", priority=5),
        document("b", timezone="Mars/Olympus", schedule=EVERY_HOUR),
        document("c", lost_after_secs=10),
        dry_run=True,
    )
    assert (status, set(fields)) == (400, {"documents.1.timezone", "documents.2.lost_after_secs"})
    assert await names(api) == ["a"]
    assert (await api.get("/api/jobs/a"))["version"] == 1


async def test_only_what_has_no_document_inside_the_scope_is_deleted(api: Api) -> None:
    await apply(api, document("a"), document("b"), managed_by="repo")
    await apply(api, document("c", group="G"), document("d", group="G"))
    await api.job("by hand")
    pruned = await apply(api, document("b"), managed_by="repo", prune={"managed_by": "repo"})
    assert actions(pruned) == {"b": "unchanged", "a": "delete"}
    await apply(api, document("c", group="G"), document("e", group="G"), prune={"group": "G"})
    assert await names(api) == ["b", "by hand", "c", "e"]
    for scope in ({}, {"group": "G", "managed_by": "repo"}):
        assert (await refused(api, document("b"), prune=scope))[0] == 400
    assert (await refused(api, prune={"group": "G"}))[0] == 400


async def test_who_keeps_a_job_stays_unless_a_document_says_otherwise(api: Api) -> None:
    await apply(api, document("a"), managed_by="repo")
    assert actions(await apply(api, document("a"))) == {"a": "unchanged"}
    taken = await apply(api, document("a"), managed_by="other")
    assert taken["jobs"][0]["changes"] == [{"path": "managed_by", "before": "repo", "after": "other"}]


async def test_a_status_is_left_alone_unless_a_document_says_it(api: Api) -> None:
    await apply(api, document("a", schedule=EVERY_HOUR))
    await api.put("/api/jobs/a", {"status": "paused"})
    assert actions(await apply(api, document("a", schedule=EVERY_HOUR))) == {"a": "unchanged"}
    resumed = await apply(api, document("a", schedule=EVERY_HOUR, status="scheduled"))
    assert resumed["jobs"][0]["changes"] == [{"path": "status", "before": "paused", "after": "scheduled"}]
    assert (await api.get("/api/jobs/a"))["next_fire_time"] is not None


async def test_a_plan_that_would_be_another_by_now_is_not_carried_out(api: Api) -> None:
    await apply(api, document("a"))
    wanted = document("a", priority=3), document("b")
    plan = (await apply(api, *wanted, dry_run=True))["plan"]
    await api.put("/api/jobs/a", {"description": "by hand"})
    status, _ = await refused(api, *wanted, expect=plan)
    assert (status, await names(api)) == (409, ["a"])
    plan = (await apply(api, *wanted, dry_run=True))["plan"]
    assert (await apply(api, *reversed(wanted), expect=plan))["applied"]


async def test_agents_are_named(api: Api) -> None:
    agent = await api.agent("web-1")
    by_name = document("a", target={"type": "agent", "agent": "web-1"})
    await apply(api, by_name)
    assert (await api.get("/api/jobs/a"))["target"]["agent_id"] == agent["agent_id"]
    (exported,) = await documents_of(api)
    assert exported["target"] == {"type": "agent", "agent": "web-1"}
    assert actions(await apply(api, exported)) == {"a": "unchanged"}


async def test_jobs_wait_for_jobs_of_the_same_request_by_name_in_any_order(api: Api) -> None:
    await apply(api, document("old"))
    wanted = [
        document("load", depends_on=[{"job": "transform", "within_secs": 60}, "extract"]),
        document("old", depends_on=["load"]),
        document("transform", depends_on=["extract"]),
        document("extract"),
    ]
    plan = await apply(api, *wanted, dry_run=True)
    assert plan["jobs"][1]["changes"] == [{"path": "depends_on.0", "before": None, "after": ANY}]
    assert plan["jobs"][1]["changes"][0]["after"]["job"] == "load"
    await apply(api, *wanted, expect=plan["plan"])
    ids = {job["name"]: job["id"] for job in (await api.get("/api/jobs"))["data"]}
    load = await api.get("/api/jobs/load")
    assert [one["job_id"] for one in load["depends_on"]] == [ids["transform"], ids["extract"]]
    exported = await documents_of(api)
    assert exported[1]["depends_on"] == [{"job": "transform", "within_secs": 60}, {"job": "extract"}]
    assert set(actions(await apply(api, *exported)).values()) == {"unchanged"}


async def test_dependencies_are_turned_round_and_whole_chains_pruned(api: Api) -> None:
    chain = [document("a"), document("b", depends_on=["a"]), document("c", depends_on=["b"])]
    await apply(api, *chain, managed_by="m")
    turned = [document("a", depends_on=["b"]), document("b", depends_on=["c"]), document("c")]
    assert (await apply(api, *turned))["changed"] == 3
    pruned = await apply(api, document("d"), managed_by="m", prune={"managed_by": "m"})
    assert (pruned["deleted"], await names(api)) == (3, ["d"])


async def test_what_others_wait_for_is_not_pruned(api: Api) -> None:
    await apply(api, document("a", managed_by="m"), document("by hand", depends_on=["a"]))
    status, fields = await refused(api, document("b"), prune={"managed_by": "m"})
    assert (status, fields, await names(api)) == (409, ["prune"], ["a", "by hand"])


async def test_documents_that_wait_for_each_other_are_refused(api: Api) -> None:
    circle = document("a", depends_on=["c"]), document("b", depends_on=["a"]), document("c", depends_on=["b"])
    answer = await api.call("POST", "/api/jobs/apply", {"documents": list(circle)})
    assert answer.status == 400
    (found,) = answer.json["details"]
    assert found == {
        "field": "documents.0.depends_on",
        "reason": "jobs would wait for each other: a → b → c → a",
    }
    assert (await refused(api, document("x", depends_on=["nobody"])))[1] == ["documents.0.depends_on.0.job"]


async def test_documents_are_read_in_pages_by_group_and_keeper(api: Api) -> None:
    await apply(api, document("a"), document("b", group="G"), document("c", group="G"), managed_by="repo")
    await api.job("d")
    assert [one["name"] for one in await documents_of(api, "?group=G")] == ["b", "c"]
    assert [one["name"] for one in await documents_of(api, "?managed_by=repo")] == ["a", "b", "c"]
    first = await api.get("/api/jobs/manifests?per_page=3")
    assert ([one["name"] for one in first["data"]], first["next"]) == (["a", "b", "c"], "c")
    rest = await api.get("/api/jobs/manifests?per_page=3&after=c")
    assert ([one["name"] for one in rest["data"]], rest["next"]) == (["d"], None)


async def test_what_is_exported_applies_without_a_change(api: Api) -> None:
    """Whatever jobs there are: those that the API takes of a few generated ones."""
    made = 0
    for number, job in enumerate(generated(40)):
        body = job.model_dump(mode="json") | {"name": f"job {number}"}
        if (await api.call("POST", "/api/jobs", body)).status == 201:
            made += 1
    assert made >= 5
    await api.put(f"/api/jobs/{(await names(api))[0]}", {"status": "paused"})
    exported = await documents_of(api)
    answer = await apply(api, *exported)
    assert (answer["unchanged"], answer["created"], answer["changed"]) == (made, 0, 0)
    assert await documents_of(api) == exported


async def test_two_who_apply_the_same_at_once_both_end_well(api: Api) -> None:
    wanted = [document(f"job {number}") for number in range(10)]
    await apply(api, *wanted)
    changes = [[{**one, "priority": priority} for one in wanted] for priority in (1, 2)]
    calls = [
        api.call("POST", "/api/jobs/apply", {"documents": some[::step]})
        for some, step in zip(changes, (1, -1), strict=True)
    ]
    statuses = [answer.status for answer in await asyncio.gather(*calls)]
    assert 200 in statuses
    assert set(statuses) <= {200, 409}
    assert len({job["priority"] for job in (await api.get("/api/jobs"))["data"]}) == 1


def generated(how_many: int) -> list[JobDefinition]:
    """Definitions of all shapes; the same ones every time."""
    found: list[JobDefinition] = []

    @settings(max_examples=how_many, database=None, derandomize=True, phases=[Phase.generate])
    @given(whole_definitions())
    def collect(job: JobDefinition) -> None:
        found.append(job)

    collect()
    return found
