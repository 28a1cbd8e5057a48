"""Judges stored histories again: `python -m tests.chaos.check DIR...`. Exits with 1 when a verdict is violated."""

import sys
from pathlib import Path

from tests.chaos.history import FILE_NAME, History
from tests.chaos.verdicts.every import judge
from tests.chaos.verdicts.lattice import Finding, Truth

#: So many violations of one verdict are printed; more are a number.
SHOWN = 8


def main(arguments: list[str]) -> int:
    """Print the verdicts on each history found in or below the directories."""
    directories = [file.parent for name in arguments for file in sorted(Path(name).rglob(FILE_NAME))]
    if not directories:
        print("No history found.", file=sys.stderr)
        return 2
    is_violated = False
    for directory in directories:
        findings = judge(History.load(directory))
        is_violated |= any(finding.truth is Truth.FALSE for finding in findings)
        print(f"{directory}\n{told(findings)}")
    return int(is_violated)


def told(findings: list[Finding]) -> str:
    """One line per verdict, and what was wrong below it."""
    lines = []
    for finding in findings:
        lines.append(f"  {finding.verdict:4} {finding.truth.name.lower():8} {finding.checked} looked at")
        lines += [f"         {note}" for note in finding.notes[:SHOWN]]
        if len(finding.notes) > SHOWN:
            lines.append(f"         and {len(finding.notes) - SHOWN} more")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
