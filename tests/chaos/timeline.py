"""A picture of one history: due windows green or red, runs below them, faults as shaded stretches behind both."""

from collections import defaultdict
from dataclasses import dataclass
from html import escape

from tests.chaos.history import SECOND_NS, History, Witness
from tests.chaos.obligations import duties

_WIDTH, _LEFT, _ROW, _TOP = 1400, 190, 34, 60
_OUTCOMES = {
    "succeeded": "#2e7d32", "failed": "#ef6c00", "timed_out": "#ef6c00", "cancelled": "#6d4c41", "lost": "#c62828",
}  # fmt: skip
_HIT, _RECORDED, _MISSED, _RUNNING = "#a5d6a7", "#cfd8dc", "#ef5350", "#1565c0"


def picture(history: History) -> str:
    """The SVG document."""
    scale = _Scale.of(history)
    jobs = sorted({w.job for w in history.witness} | set(duties(history)))
    rows = {job: _TOP + 24 * len(_fault_kinds(history)) + _ROW * n for n, job in enumerate(jobs)}
    height = _TOP + 24 * len(_fault_kinds(history)) + _ROW * len(jobs) + 50
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        _text(12, 24, f"{history.meta.scenario}, seed {history.meta.seed}", size=16),
        *_faults(history, scale, height),
        *_axis(scale, height),
    ]
    for job, y in rows.items():
        parts.append(_text(12, y + 20, job[:28]))
        parts += _windows(history, job, scale, y)
        parts += _runs(history, job, scale, y)
    return "\n".join([*parts, "</svg>\n"])


@dataclass(frozen=True, slots=True)
class _Scale:
    first_ns: int
    last_ns: int

    @classmethod
    def of(cls, history: History) -> "_Scale":
        moments = [o.invoked_ns for o in history.operations] + [w.wall_ns for w in history.witness]
        moments += [f.began_ns for f in history.faults]
        last = history.meta.read_ns
        return cls(min(moments, default=last - SECOND_NS), max(last, *moments) if moments else last)

    def x(self, moment_ns: int) -> float:
        share = (moment_ns - self.first_ns) / max(self.last_ns - self.first_ns, 1)
        return round(_LEFT + min(max(share, 0), 1) * (_WIDTH - _LEFT - 20), 1)

    def width(self, began_ns: int, ended_ns: int) -> float:
        return round(max(self.x(ended_ns) - self.x(began_ns), 1.5), 1)


def _fault_kinds(history: History) -> list[str]:
    return sorted({f"{fault.kind} {fault.target}" for fault in history.faults})


def _faults(history: History, scale: _Scale, height: int) -> list[str]:
    rows = {kind: _TOP + 24 * n for n, kind in enumerate(_fault_kinds(history))}
    parts = [_text(12, y + 14, kind[:30], color="#b71c1c") for kind, y in rows.items()]
    for fault in history.faults:
        x, width = scale.x(fault.began_ns), scale.width(fault.began_ns, fault.ended_ns)
        y = rows[f"{fault.kind} {fault.target}"]
        parts.append(
            f'<rect x="{x}" y="{_TOP - 10}" width="{width}" height="{height - _TOP - 20}" fill="#fde0dc"/>'
        )
        parts.append(_bar(x, y + 4, width, 12, "#e57373", f"{fault.kind} {fault.target}"))
    if history.meta.healed_ns:
        x = scale.x(history.meta.healed_ns)
        parts.append(
            f'<line x1="{x}" x2="{x}" y1="{_TOP - 10}" y2="{height - 30}" stroke="#2e7d32" stroke-dasharray="4 3"/>'
        )
    return parts


def _axis(scale: _Scale, height: int) -> list[str]:
    total_secs = max((scale.last_ns - scale.first_ns) // SECOND_NS, 1)
    step = next(
        s for s in (1, 2, 5, 10, 20, 60, 120, 300, 600, 3600, 86_400) if total_secs / s <= 24 or s == 86_400
    )
    parts = []
    for secs in range(0, total_secs + 1, step):
        x = scale.x(scale.first_ns + secs * SECOND_NS)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP - 10}" y2="{height - 30}" stroke="#eceff1"/>')
        parts.append(_text(x - 6, height - 12, f"{secs} s", color="#607d8b"))
    return parts


def _windows(history: History, job: str, scale: _Scale, y: int) -> list[str]:
    duty = duties(history).get(job)
    if duty is None:
        return []
    ahead_ns = round(history.meta.database_ahead_secs * SECOND_NS)
    ids = {o.job_id for o in history.operations if o.job == job and o.job_id}
    records = {r.scheduled_for_ns: r for r in history.runs if r.job_id in ids}
    complete = {w.nominal_ns for w in history.witness if w.job == job and w.kind == "end"}
    parts = []
    for nominal in duty.owed:
        opens = nominal - ahead_ns
        if opens > history.meta.read_ns - round(history.meta.slack_secs * SECOND_NS):
            continue
        record = records.get(nominal)
        color = _MISSED if record is None else _HIT if nominal in complete else _RECORDED
        said = "nothing recorded" if record is None else f"{record.status} {record.reason or ''}"
        parts.append(_bar(scale.x(opens), y + 2, 3, 8, color, f"due {nominal / SECOND_NS:.0f}: {said}"))
    return parts


def _runs(history: History, job: str, scale: _Scale, y: int) -> list[str]:
    statuses = {e.id: e for e in history.executions}
    lines: dict[str, list[Witness]] = defaultdict(list)
    for line in history.witness:
        if line.job == job:
            lines[line.execution_id].append(line)
    parts = []
    for execution_id, told in lines.items():
        began, last = min(w.wall_ns for w in told), max(w.wall_ns for w in told)
        record = statuses.get(execution_id)
        status = record.status if record else "not recorded"
        is_complete = any(w.kind == "end" for w in told)
        title = f"{execution_id} on {record.agent if record else '?'}: {status}" + (
            "" if is_complete else ", no end seen"
        )
        color = _OUTCOMES.get(status, _RUNNING)
        parts.append(
            _bar(scale.x(began), y + 13, scale.width(began, last), 10, color, title, faint=not is_complete)
        )
    return parts


def _bar(
    x: float, y: float, width: float, height: float, color: str, title: str, *, faint: bool = False
) -> str:
    opacity = ' fill-opacity="0.45"' if faint else ""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{color}"{opacity}>'
        f"<title>{escape(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, *, size: int = 12, color: str = "#263238") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{color}">{escape(text)}</text>'
