"""Whatever is sent to whatever route: never a 5xx, and never an answer that is not as described."""

import os
import random
import time
from collections import Counter
from typing import Any

from tests.integration.api.conftest import Serve
from tests.integration.api.fuzzing import Attempt, Fuzzer

FUZZ_SECS = float(os.environ.get("TOCSIN_FUZZ_SECS", "10"))


async def test_no_request_brings_the_server_down(serve: Serve) -> None:
    seed = int(os.environ.get("TOCSIN_FUZZ_SEED", random.randrange(10**9)))  # noqa: S311  not a secret
    async with serve(rate_limit_enabled=False) as served:
        api = served.api
        job = await api.job("fuzzed")
        launched = await api.post(f"/api/jobs/{job['id']}/trigger")
        agent = await api.agent("fuzzed")
        await api.post("/api/variables", {"name": "FUZZED", "value": "x"})
        known = {
            "jobs": job["id"],
            "runs": launched["run_id"],
            "executions": launched["execution_ids"][0],
            "agents": agent["agent_id"],
            "agent-queue": agent["agent_id"],
            "variables": "FUZZED",
        }
        fuzzer = Fuzzer(await api.get("/api/openapi.json"), seed, known)
        statuses: Counter[int] = Counter()
        failures: list[tuple[Attempt, Any]] = []
        deadline = time.monotonic() + FUZZ_SECS
        while time.monotonic() < deadline:
            one = fuzzer.attempt()
            caller = api.as_role("agent") if one.as_agent else api
            answer = await caller.call(
                one.method, one.path, params=one.query, data=one.body, headers=one.headers
            )
            statuses[answer.status] += 1
            if answer.status >= 500:
                failures.append((one, answer.body))
        print(f"seed {seed}: {dict(sorted(statuses.items()))}")
        assert failures == [], f"seed {seed}"
        assert sum(n for status, n in statuses.items() if status < 300) > 100, "too little gets through"
        health = await api.get("/api/health")
        assert health["status"] == "ok"
