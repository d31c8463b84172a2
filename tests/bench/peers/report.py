"""The table, the verdicts and the JSON. Pure: results in, text out."""

import json
import math
from statistics import median


class Results:
    """Every figure of every run: results[row, peer] is a list of {figure: number}, None for a run that failed."""

    def __init__(self):
        self._runs = {}
        self.reasons = {}  # (row, peer): why there is no figure

    def add(self, row, peer, figures, reason=None):
        self._runs.setdefault((row, peer), []).append(figures)
        if reason:
            self.reasons[row, peer] = reason

    def series(self, row, peer, figure):
        """One number a round, None where there is none."""
        return [run and run.get(figure) for run in self._runs.get((row, peer), [])]

    def middle(self, row, peer, figure):
        numbers = [number for number in self.series(row, peer, figure) if number is not None]
        return median(numbers) if numbers else None

    def as_json(self):
        runs = [{"row": row, "peer": peer, "runs": runs, "reason": self.reasons.get((row, peer))}
                for (row, peer), runs in self._runs.items()]
        return runs


def number(value):
    """Three digits that count, or - for none."""
    if value is None:
        return "-"
    if value == math.inf:
        return "inf"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _times(ours, theirs):
    return f"{number(ours / theirs)}x" if ours is not None and theirs else "-"


def table(rows, peers, results):
    """One line a figure: each peer's median, then Postern's ratio to each other peer's."""
    others = [peer for peer in peers if peer != "postern"] if "postern" in peers else []
    lines = [["", "", *peers, *(f"/ {other}" for other in others)]]
    for row in rows:
        for figure, unit in row.figures:
            middles = {peer: results.middle(row.name, peer, figure) for peer in peers}
            ratios = [_times(middles["postern"], middles[other]) for other in others]
            lines.append([f"{row.name} {figure}".rstrip(), unit, *map(number, middles.values()), *ratios])
    return _aligned(lines)


def _aligned(lines):
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def verdict_line(promise, verdict, middles):
    if verdict is None:
        return f"FAIL  {promise.name:22} too few runs succeeded"
    if promise.is_ratio:
        wanted = "not judged" if promise.at_least_ratio is None else f">= {promise.at_least_ratio:.2f}"
        said = f"{number(verdict.value)} x slirp4netns ({wanted})   {number(middles[0])} / {number(middles[1])}   rounds"
    else:
        said = f"{number(verdict.value)} (< {promise.below})   rounds"
    return f"{verdict.word}  {promise.name:22} {said} {' '.join(map(number, verdict.rounds))}"


def to_json(machine, settings, results, verdicts):
    document = {
        "machine": machine,
        "settings": settings,
        "results": results.as_json(),
        "verdicts": [{"promise": promise.name, "verdict": verdict.word if verdict else "FAIL",
                      "value": _finite(verdict.value) if verdict else None,
                      "rounds": [_finite(value) for value in verdict.rounds] if verdict else []}
                     for promise, verdict in verdicts],
    }
    return json.dumps(document, indent=1, allow_nan=False)


def _finite(value):
    return value if math.isfinite(value) else None  # JSON has no infinity: a peer that moved nothing
