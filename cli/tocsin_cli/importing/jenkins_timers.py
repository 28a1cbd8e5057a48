"""Jenkins' timer specs: lines of cron with `H`, macros, comments, and a zone in front."""

import re
from typing import Final

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


def read_timers(spec: str) -> tuple[list[str], str | None]:
    """The cron expressions, and the zone if one is said. Raises ValueError."""
    found: list[str] = []
    zone: str | None = None
    for line in spec.splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if match := _ZONE.fullmatch(text):
            zone = match[1]
            continue
        text = _MACROS.get(text.lower(), text)
        if len(text.split()) != 5:
            raise ValueError(f"'{text}' is no timer of five fields")
        found.append(" ".join(text.split()))
    return found, zone
