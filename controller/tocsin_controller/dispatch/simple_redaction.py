"""Third-party agents know nothing of secrets: what they report is cleaned here, before anything of it is kept."""

import asyncio

from tocsin_agent.runtime.redaction import Redactor, forms_of
from tocsin_controller.definitions import Definitions
from tocsin_controller.dispatch.connecting import Connector
from tocsin_controller.dispatch.substituting import Substituter
from tocsin_controller.store.database import Database
from tocsin_controller.store.leasing import Work
from tocsin_shared.protocol import SimpleResult


class SimpleRedaction:
    """Takes the secrets of a job out of a result."""

    def __init__(
        self, db: Database, definitions: Definitions, substituter: Substituter, connector: Connector
    ) -> None:
        self._db = db
        self._definitions = definitions
        self._substituter = substituter
        self._connector = connector

    async def clean(self, work: Work, result: SimpleResult) -> SimpleResult:
        """The result without what the job's secrets are now; those that changed meanwhile are not known any more."""
        if not (result.stdout or result.stderr):
            return result
        job = await self._definitions.get(self._db, (work.job_id, work.job_version))
        secrets = [
            *await self._substituter.secrets_of(self._db, work, job),
            *await self._connector.secrets_of(self._db, job),
        ]
        if not secrets:
            return result
        return await asyncio.to_thread(_clean, secrets, result)


def _clean(secrets: list[str], result: SimpleResult) -> SimpleResult:
    forms = forms_of(secrets)
    return result.model_copy(
        update={"stdout": _masked(forms, result.stdout), "stderr": _masked(forms, result.stderr)}
    )


def _masked(forms: list[bytes], text: str) -> str:
    redactor = Redactor(forms)
    return (redactor.feed(text.encode("utf-8", "replace")) + redactor.rest()).decode("utf-8", "replace")
