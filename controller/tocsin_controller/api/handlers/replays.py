"""Routes that run again what ran before."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import WRITERS
from tocsin_controller.services.replaying import ReplayService
from tocsin_controller.services.run_retrying import RunRetryService
from tocsin_shared.jobs import TriggerResponse
from tocsin_shared.rollouts import RetryRequest


class ReplayRoutes:
    """Runs and executions, again."""

    def __init__(self, parts: Parts) -> None:
        self._replays = ReplayService(parts.db, parts.starter, parts.engine.definitions)
        self._retries = RunRetryService(parts.starter, parts.engine.definitions)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "POST", "/api/executions/{id}/replay", self.replay_execution, "Run again what this execution ran, with "
                "the version and the parameters of then", WRITERS, "executions", response=TriggerResponse, status=202,
                is_repeatable=True,
            ),
            Route(
                "POST", "/api/runs/{id}/replay", self.replay_run, "Run this again, with the version and the parameters "
                "of then", WRITERS, "runs", response=TriggerResponse, status=202, is_repeatable=True,
            ),
            Route(
                "POST", "/api/runs/{id}/retry", self.retry_run, "Run the job again, as it is now, on the hosts of this "
                "run that failed or were not reached", WRITERS, "runs", body=RetryRequest, body_required=False,
                response=TriggerResponse, status=202, is_repeatable=True,
            ),
        ]  # fmt: skip

    async def replay_execution(self, call: Call) -> Any:
        return await self._replays.replay_execution(
            call.id("id"), call.caller, idempotency_key=call.idempotency_key
        )

    async def retry_run(self, call: Call) -> Any:
        return await self._retries.retry(
            call.id("id"), call.body.only, call.caller, idempotency_key=call.idempotency_key
        )

    async def replay_run(self, call: Call) -> Any:
        return await self._replays.replay_run(
            call.id("id"), call.caller, idempotency_key=call.idempotency_key
        )
