"""Jobs from descriptions: asks the provider, and holds what it says against the checks of new jobs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from tocsin_controller.services.generating.asking import ask
from tocsin_controller.services.generating.configured import AiSettings
from tocsin_controller.services.generating.providers import Ai, completion, model_list, text_of
from tocsin_controller.services.generating.reading import document_in
from tocsin_controller.services.generating.wording import correction, instructions
from tocsin_controller.services.jobs import JobService
from tocsin_shared.errors import FieldError, InvalidInput, TooManyRequests, UpstreamFailed
from tocsin_shared.jobs import JobCreate
from tocsin_shared.network import Reach
from tocsin_shared.wire import dumps

#: Requests to the provider at the same time, for one controller.
AT_ONCE: Final = 4
#: With what is wrong with the first answer.
MOST_TRIES: Final = 2
#: Of what it says; no job that somebody described is longer.
_LONGEST_CHARS: Final = 50_000
_RETRY_SECS: Final = 10.0


class JobGenerator:
    """Creates nothing. One for each controller."""

    def __init__(
        self, settings: AiSettings, reach: Reach, jobs: JobService, read: Callable[[bytes], JobCreate]
    ) -> None:
        """`read` is how a new job's body is read; it raises InvalidInput."""
        self._settings = settings
        self._reach = reach
        self._jobs = jobs
        self._read = read
        self._busy = 0

    async def generate(self, prompt: str) -> dict[str, Any]:
        """A job that can be created. Raises InvalidInput, Conflict, TooManyRequests, UpstreamFailed, NoAnswer."""
        ai = await self._settings.read()
        turns, wrong = [prompt], []
        with self._place():
            system = instructions(datetime.now(UTC))
            for _ in range(MOST_TRIES):
                said = await self._say(ai, system, turns)
                try:
                    return await self._job(said)
                except InvalidInput as error:
                    wrong = error.details or [FieldError("", str(error))]
                # Providers refuse a turn that says nothing.
                turns += [said.strip() or "(nothing)", correction(wrong)]
        first = f"{wrong[0].field}: {wrong[0].reason}" if wrong[0].field else wrong[0].reason
        raise UpstreamFailed(
            f"what the AI provider answered is no job ({first}); try other words", details=wrong
        )

    async def models(self) -> dict[str, Any]:
        """The provider's list as it is. Raises the same."""
        ai = await self._settings.read()
        question = model_list(ai)
        if question is None:
            return {"object": "list", "data": []}
        with self._place():
            found: dict[str, Any] = await ask(self._reach, ai, question)
        return found

    async def _say(self, ai: Ai, system: str, turns: list[str]) -> str:
        answer = await ask(self._reach, ai, completion(ai, system, turns))
        try:
            said = text_of(ai, answer)
        except ValueError as error:
            raise UpstreamFailed(f"the AI provider's answer {error}") from None
        if len(said) > _LONGEST_CHARS:
            raise UpstreamFailed("what the AI provider answered is too long for a job")
        return said

    async def _job(self, said: str) -> dict[str, Any]:
        """What was said, as a body that creates a job. Raises InvalidInput."""
        try:
            document = document_in(said)
        except ValueError as error:
            raise InvalidInput(str(error)) from None
        job = self._read(document).model_dump(mode="json", exclude_unset=True)
        await self._jobs.check(self._read(dumps(job)))
        return job

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._busy >= AT_ONCE:
            raise TooManyRequests(
                "the AI provider is being asked as often as it may be", retry_after_secs=_RETRY_SECS
            )
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
