"""The process that judges: `python -m tocsin_controller.rules.child`, started by `process.JudgeProcess`.

One request at a time on standard input, one answer each on standard output; ends with its input. It ends itself, in
the middle of native code too, when one request takes too long or too much memory: no rule and no output can do more
harm than that.
"""

import resource
import signal
import struct
import sys
from typing import BinaryIO, Final

import orjson

from tocsin_controller.rules.judging import Verdict, judge
from tocsin_shared.output_rules import OutputRules

#: Length of the head (JSON), of stdout, of stderr; then those.
REQUEST: Final = struct.Struct("!III")
ANSWER: Final = struct.Struct("!I")
#: Of this process, what the interpreter and its libraries take included.
MEMORY_BYTES: Final = 1024 * 1024 * 1024


def main() -> None:
    """Until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the controller, which ends us
    OutputRules.model_rebuild()  # now, or the first request would pay for it out of its time
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(REQUEST.size):
        if len(head) < REQUEST.size:
            return
        answer = _answer(source, head)
        sink.write(ANSWER.pack(len(answer)) + answer)
        sink.flush()


def _answer(source: BinaryIO, head: bytes) -> bytes:
    lengths = REQUEST.unpack(head)
    described, stdout, stderr = (source.read(length) for length in lengths)
    request = orjson.loads(described)
    signal.setitimer(signal.ITIMER_REAL, request["longest_secs"])  # its signal ends the process
    verdict: Verdict = judge(
        OutputRules.model_validate(request["rules"]), stdout, stderr, is_success=request["is_success"]
    )
    signal.setitimer(signal.ITIMER_REAL, 0)
    return orjson.dumps(verdict)


if __name__ == "__main__":
    main()
