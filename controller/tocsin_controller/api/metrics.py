"""Figures in the text format that Prometheus reads (version 0.0.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure, or one for each value of a label."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    values: int | Mapping[str, int]
    #: The name of the label.
    label: str = ""


def exposition(metrics: Sequence[Metric]) -> str:
    """What is served."""
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        if isinstance(metric.values, int):
            lines.append(f"{metric.name} {metric.values}")
        else:
            for value, figure in sorted(metric.values.items()):
                lines.append(f'{metric.name}{{{metric.label}="{_escaped(value)}"}} {figure}')
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
