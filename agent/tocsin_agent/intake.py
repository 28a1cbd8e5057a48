"""Whether this host may take more work: not when its results could soon find no room on the disk (G4)."""

from tocsin_agent.journal.journal import Journal
from tocsin_shared.logs import log

#: Work is refused from this part of a limit on; what remains is for what runs already.
STOP_AT = 0.8
#: And taken again below this part of it, so that the answer does not change with every result.
RESUME_AT = 0.7
#: The disk has to have this much more free than what stops the intake.
FREE_AGAIN = 1.1


class Intake:
    """Looks at the journal and its disk. A change of the answer is logged once."""

    def __init__(self, journal: Journal, *, max_results: int, min_free_bytes: int) -> None:
        self._journal = journal
        self._max_results = max_results
        self._min_free_bytes = min_free_bytes
        #: Why no work is taken, for people; None while it is.
        self.stopped_because: str | None = None

    def is_open(self) -> bool:
        """Whether work may be taken now."""
        why = self._why_not()
        if why is not None and self.stopped_because is None:
            log.error("intake_stopped", why=why, **self._for_the_log())
        elif why is None and self.stopped_because is not None:
            log.warning("intake_resumed", **self._for_the_log())
        self.stopped_because = why
        return why is None

    def figures(self) -> dict[str, float]:
        """What a heartbeat says of the journal."""
        entries = self._journal.entries
        return {
            "executions": float(len(entries)),
            "results": float(sum(1 for entry in entries.values() if entry.result is not None)),
            "bytes": float(self._journal.spooled_bytes()),
            "journal_bytes": float(self._journal.size_bytes),
            "max_bytes": float(self._journal.max_bytes),
            "oldest_secs": self._journal.oldest_secs(),
            "quarantined": float(self._journal.quarantine.count),
            "free_bytes": float(self._journal.free_bytes()),
            "intake_stopped": float(self.stopped_because is not None),
        }

    def _for_the_log(self) -> dict[str, int]:
        return {name: int(figure) for name, figure in self.figures().items() if name != "intake_stopped"}

    def _why_not(self) -> str | None:
        journal, is_open = self._journal, self.stopped_because is None
        part = STOP_AT if is_open else RESUME_AT
        if journal.is_failing:
            return "the disk of the state directory refuses what is written"
        if journal.free_bytes() < self._min_free_bytes * (1.0 if is_open else FREE_AGAIN):
            return "the disk of the state directory is nearly full"
        if not journal.reserve.is_whole:
            journal.reserve.restore()
            if not journal.reserve.is_whole:
                return "the disk of the state directory has no room for the journal's reserve"
        if journal.size_bytes >= part * journal.max_bytes:
            return "the journal is nearly as large as it may be; what it holds has to be delivered first"
        if len(journal.entries) >= part * self._max_results:
            return "nearly as many results as may be are waiting to be delivered"
        return None
