"""What a benchmark measured: printed as one table, kept as JSON under bench/results/."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Row:
    """One contender in one case: the samples of a run and, where a bound was set, whether it holds.

    `ratio` compares the median with that of `against`; `bound` says what it has to be.
    """

    bench: str
    case: str
    what: str
    unit: str
    samples: Sequence[float]
    against: str = ""
    ratio: float | None = None
    bound: str = ""
    met: bool | None = None
    notes: str = ""
    details: dict[str, object] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


def at_least(least: float) -> tuple[str, Callable[[float], bool]]:
    return f"≥ {least:g}", lambda ratio: ratio >= least


def at_most(most: float) -> tuple[str, Callable[[float], bool]]:
    return f"≤ {most:g}", lambda ratio: ratio <= most


def percentile(samples: Sequence[float], percent: int) -> float:
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def bounded(row: Row, most: float) -> Row:
    """A figure that has a bound of its own."""
    return replace(row, bound=f"≤ {most:g}", met=row.median <= most)


def compared(
    ours: Row, theirs: Row, bound: tuple[str, Callable[[float], bool]] | None = None
) -> Row:
    """`ours` once more as a comparison: the ratio of the medians and whether the bound holds."""
    ratio = ours.median / theirs.median
    words, holds = bound or ("", None)
    return Row(
        ours.bench,
        ours.case,
        ours.what,
        ours.unit,
        ours.samples,
        against=theirs.what,
        ratio=ratio,
        bound=words,
        met=holds(ratio) if holds else None,
    )


def show(rows: Sequence[Row]) -> None:
    """The table; comparisons follow what they compare."""
    heads = ("bench", "case", "what", "median", "unit", "spread", "ratio", "against", "bound", "")
    lines = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def brief(row: Row) -> str:
    """A row as soon as it is there."""
    return " ".join(cell for cell in _cells(row) if cell)


def _cells(row: Row) -> tuple[str, ...]:
    spread = f"{min(row.samples):.4g}…{max(row.samples):.4g}" if len(row.samples) > 1 else ""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    met = {None: "", True: "met", False: "MISSED"}[row.met]
    median = f"{row.median:.4g}"
    return (
        row.bench, row.case, row.what, median, row.unit, spread, ratio, row.against, row.bound, met,
    )  # fmt: skip


def keep(rows: Sequence[Row], command: Sequence[str]) -> Path:
    """Writes the run with everything needed to read it later; returns the file."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    document = {
        "at": now.isoformat(),
        "command": list(command),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "rows": [{**asdict(row), "median": row.median} for row in rows],
    }
    path.write_text(json.dumps(document, indent=1))
    return path
