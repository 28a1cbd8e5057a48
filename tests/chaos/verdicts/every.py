"""All verdicts, in order."""

from collections.abc import Callable

from tests.chaos.history import History
from tests.chaos.verdicts.firing import v1_nothing_missed, v2_one_record_per_instant, v9_silence_is_kept
from tests.chaos.verdicts.lattice import Finding
from tests.chaos.verdicts.record import v7_truthful_history, v8_fences_only_grow
from tests.chaos.verdicts.recovery import v10_work_starts_again, v11_back_to_normal
from tests.chaos.verdicts.results import v5_no_result_lost, v6_no_phantom
from tests.chaos.verdicts.starting import v3_one_start, v4_no_overlap

VERDICTS: dict[str, Callable[[History], Finding]] = {
    "V1": v1_nothing_missed,
    "V2": v2_one_record_per_instant,
    "V3": v3_one_start,
    "V4": v4_no_overlap,
    "V5": v5_no_result_lost,
    "V6": v6_no_phantom,
    "V7": v7_truthful_history,
    "V8": v8_fences_only_grow,
    "V9": v9_silence_is_kept,
    "V10": v10_work_starts_again,
    "V11": v11_back_to_normal,
}


def judge(history: History) -> list[Finding]:
    """Every verdict on one history."""
    return [verdict(history) for verdict in VERDICTS.values()]
