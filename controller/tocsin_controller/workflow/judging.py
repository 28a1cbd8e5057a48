"""The loop that judges results: output rules once per result, before it counts.

A result of a job with output rules waits in `unjudged_results`; its execution still runs. A controller claims it for a
while, judges it in another process, and in one transaction takes it out, ends the execution and writes all that
follows: values, variables, events, what is to be forwarded. Of several controllers that judged the same result (one was
slow, its claim ran out) the last to claim it ends it. A controller that dies leaves the result to the others.
"""

from dataclasses import replace
from typing import Final

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import FORWARDS, RESULTS, Hints, woken_within
from tocsin_controller.isolation import IN_THE_WAY
from tocsin_controller.jitter import jittered
from tocsin_controller.rules.judging import Verdict
from tocsin_controller.rules.process import JudgeProcess, JudgingFailed
from tocsin_controller.security.sealing import Vault
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.ending import Output, insert_output
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_controller.store.output import chunks_of
from tocsin_controller.store.unjudged import (
    Unjudged,
    claim_unjudged,
    put_back_unjudged,
    replace_output,
    set_extracted,
    take_judged,
)
from tocsin_controller.workflow import verdicts
from tocsin_controller.workflow.ending import Aftermath, Ended, Ender, has_rules
from tocsin_controller.workflow.extracted_variables import write_variables
from tocsin_controller.workflow.forwarding import FORWARD, forward_of
from tocsin_controller.workflow.setting_aside import as_reported
from tocsin_controller.workflow.sinks.sending import SINK, sinks_of
from tocsin_shared.errors import Unavailable
from tocsin_shared.executions import STREAM_NUMBERS, Stream
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.logs import log
from tocsin_shared.output_rules import OutputRules

POLL_SECS: Final = 1.0
#: Claimed at once, and for how long: as many as can be judged in that time, unless all of them are at their worst.
AT_ONCE: Final = 4
CLAIM_SECS: Final = 60.0
#: After so many claims that came to nothing the result counts without having been judged.
MOST_CLAIMS: Final = 5
#: Of one stream; what is kept of it is less, unless agents were told to keep more.
MOST_BYTES: Final = 16 * 1024 * 1024
#: Comes after whatever the job printed.
_LAST_SEQ: Final = 2**31 - 1
_FAILED: Final = "the output rules could not be applied"


class Judge:
    """Judges what waits. One per controller."""

    def __init__(
        self, db: Database, hints: Hints, definitions: Definitions, ender: Ender, vault: Vault
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._ender = ender
        self._vault = vault

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        process = JudgeProcess()
        try:
            with self._hints.watch(RESULTS) as woken:
                while True:
                    woken.clear()
                    if await self.once(process) == AT_ONCE:
                        continue
                    await woken_within(woken, jittered(POLL_SECS))
        finally:
            await process.close()

    async def once(self, process: JudgeProcess) -> int:
        """Judge some of what waits; how much that was."""
        claimed = await claim_unjudged(self._db, AT_ONCE, CLAIM_SECS)
        for one in claimed:
            try:
                await self._judge(process, one)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001  told in `_put_back`
                await self._put_back(one, error)
        return len(claimed)

    async def _judge(self, process: JudgeProcess, one: Unjudged) -> None:
        job = await self._definitions.get(self._db, (one.work.job_id, one.work.job_version))
        if not has_rules(job) or not isinstance(job, JobDefinition) or job.output_rules is None:
            await self._end_as_reported(one)
            return
        if one.claims > MOST_CLAIMS:
            await self._end_unjudged(one, job, job.output_rules)
            return
        stdout = await self._output(one, Stream.STDOUT)
        stderr = await self._output(one, Stream.STDERR)
        is_success = one.result["status"] == "succeeded"
        try:
            verdict = await process.judge(job.output_rules, stdout, stderr, is_success=is_success)
        except JudgingFailed:
            await self._end_unjudged(one, job, job.output_rules)
            return
        await self._end_judged(one, job, job.output_rules, verdict, ends_line=stderr[-1:] in (b"", b"\n"))

    async def _end_judged(
        self, one: Unjudged, job: JobDefinition, rules: OutputRules, verdict: Verdict, *, ends_line: bool
    ) -> None:
        async with self._db.transaction() as session:
            taken = await take_judged(session, one)
            if taken is None:
                return
            judged = verdicts.judged(as_reported(one, taken), verdict, ends_line=ends_line)
            ended = await self._write_output(session, judged, verdicts.new_stdout(rules, verdict))
            values = verdicts.values_for_variables(rules, verdict)
            by = f"output of job '{job.name}'"
            secret, refused = await write_variables(session, self._vault, values, by)
            if rules.extractions:
                shown = verdicts.shown(rules, verdict, secret)
                await set_extracted(session, one.work.execution_id, shown)
            await add_events(session, verdicts.events(ended, job, rules, verdict, refused))
            aftermath = await self._end(session, ended, rules)
        self._announce(aftermath)

    async def _write_output(
        self, session: Session, judged: verdicts.Judged, new_stdout: bytes | None
    ) -> Ended:
        """What the rules make of what is kept of the output; the end with its new lengths."""
        ended = judged.ended
        execution_id = ended.work.execution_id
        if judged.said:
            offset = ended.stderr_bytes - len(judged.said)
            number = STREAM_NUMBERS[Stream.STDERR]
            await insert_output(session, [Output(execution_id, number, offset, _LAST_SEQ, judged.said)])
        if new_stdout is None:
            return ended
        await replace_output(session, execution_id, STREAM_NUMBERS[Stream.STDOUT], new_stdout)
        return replace(ended, stdout_bytes=len(new_stdout), stdout_truncated=False)

    async def _end_unjudged(self, one: Unjudged, job: JobDefinition, rules: OutputRules) -> None:
        """The rules took too much time or memory, or broke something again and again."""
        async with self._db.transaction() as session:
            taken = await take_judged(session, one)
            if taken is None:
                return
            ended = verdicts.unjudged(as_reported(one, taken), rules, _FAILED)
            event = NewEvent(
                "output.rule_failed",
                "error",
                f"The output rules of job '{job.name}' could not be applied",
                job_id=one.work.job_id,
                run_id=one.work.run_id,
                execution_id=one.work.execution_id,
                agent_id=one.work.agent_id,
                details="they took too much time or memory",
            )
            await add_events(session, [event])
            aftermath = await self._end(session, ended, rules)
        self._announce(aftermath)

    async def _end_as_reported(self, one: Unjudged) -> None:
        """There is nothing to apply: this release can't read the rules."""
        async with self._db.transaction() as session:
            taken = await take_judged(session, one)
            if taken is None:
                return
            aftermath = await self._ender.end(session, [as_reported(one, taken)])
        self._announce(aftermath)

    async def _end(self, session: Session, ended: Ended, rules: OutputRules) -> Aftermath:
        if rules.forward_url is not None:
            await add_to_outbox(session, FORWARD, [forward_of(ended, rules.forward_url)])
        if rules.sinks:
            await add_to_outbox(session, SINK, [sinks_of(ended, rules.sinks)])
        return await self._ender.end(session, [ended])

    def _announce(self, aftermath: Aftermath) -> None:
        self._ender.announce(aftermath)
        self._hints.hint(FORWARDS, everywhere=False)

    async def _put_back(self, one: Unjudged, error: Exception) -> None:
        """Something else was in the way, or this result is poison: others are not held up by it."""
        execution_id = str(one.work.execution_id)
        if isinstance(error, IN_THE_WAY):
            log.info("result_judged_later", execution_id=execution_id)
            await put_back_unjudged(self._db, one, jittered(1.0), is_counted=False)
            return
        log.error("result_not_judged", execution_id=execution_id, exc_info=error)
        await put_back_unjudged(self._db, one, jittered(2.0 ** min(one.claims, 5)))

    async def _output(self, one: Unjudged, stream: Stream) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for _, data in chunks_of(self._db, one.work.execution_id, STREAM_NUMBERS[stream]):
            parts.append(data)
            size += len(data)
            if size > MOST_BYTES:
                break
        return b"".join(parts)
