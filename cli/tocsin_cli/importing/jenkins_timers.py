"""Jenkins' timer specs: lines of cron with `H`, macros, comments, and a zone in front."""

import re
from dataclasses import dataclass, field
from typing import Final

from tocsin_cli.importing.both_days import in_both

_ZONE: Final = re.compile(r"TZ\s*=\s*(\S+)")
#: Unlike everywhere else, these are spread in Jenkins.
_MACROS: Final = {
    "@yearly": "H H H H *",
    "@annually": "H H H H *",
    "@monthly": "H H H * *",
    "@weekly": "H H * * H",
    "@daily": "H H * * *",
    "@midnight": "H H(0-2) * * *",
    "@hourly": "H * * * *",
}


@dataclass(slots=True)
class Timers:
    """What a spec says."""

    crons: list[str] = field(default_factory=list)
    #: The last one that is said.
    zone: str | None = None
    #: Why some of its lines have no cron expression.
    notes: list[str] = field(default_factory=list)


def read_timers(spec: str) -> Timers:
    """Raises ValueError."""
    found = Timers()
    for line in spec.splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if match := _ZONE.fullmatch(text):
            found.zone = match[1]
            continue
        fields = _MACROS.get(text.lower(), text).split()
        if len(fields) != 5:
            raise ValueError(f"'{text}' is no timer of five fields")
        try:
            fields[2], fields[4] = in_both(fields[2], fields[4])
        except ValueError as error:
            found.notes.append(f"its timer '{text}' does not come along: {error}")
        else:
            found.crons.append(" ".join(fields))
    return found
