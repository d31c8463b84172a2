"""The table, the verdicts and the JSON. Pure: results in, text out, and the JSON in again."""

import json
import math
from dataclasses import dataclass
from statistics import median

from judge import OURS


FAILED = "FAILED: "  # begins the reason of a run that went wrong


class Results:
    """Every figure of every run: of a row and a peer a list of {figure: number}, None for a run that failed."""

    def __init__(self):
        self._runs = {}
        self.reasons = {}  # (row, peer): why there is no figure

    def add(self, row, peer, figures, reason=None):
        self._runs.setdefault((row, peer), []).append(figures)
        if reason:
            self.reasons[row, peer] = reason

    def rows(self):
        return {row for row, _ in self._runs}

    def peers(self):
        return {peer for _, peer in self._runs}

    def series(self, row, peer, figure):
        """One number a round, None where there is none."""
        return [run and run.get(figure) for run in self._runs.get((row, peer), [])]

    def middle(self, row, peer, figure):
        numbers = [number for number in self.series(row, peer, figure) if number is not None]
        return median(numbers) if numbers else None

    def failed(self, peer):
        """Whether a run of its went wrong; a figure that it cannot have is no failure."""
        return any(of == peer and reason.startswith(FAILED) for (_, of), reason in self.reasons.items())

    def as_json(self):
        return [{"row": row, "peer": peer, "runs": runs, "reason": self.reasons.get((row, peer))}
                for (row, peer), runs in self._runs.items()]

    @staticmethod
    def of_json(items):
        results = Results()
        for item in items:
            for figures in item["runs"]:
                results.add(item["row"], item["peer"], figures, item["reason"])
        return results


@dataclass(frozen=True)
class Record:
    """One run of the bench, with all that a figure means nothing without."""

    machine: dict
    settings: dict
    results: Results


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
    others = [peer for peer in peers if peer != OURS] if OURS in peers else []
    lines = [["", "", *peers, *(f"/ {other}" for other in others)]]
    for row in rows:
        for figure, unit in row.figures:
            middles = {peer: results.middle(row.name, peer, figure) for peer in peers}
            ratios = [_times(middles[OURS], middles[other]) for other in others]
            lines.append([f"{row.name} {figure}".rstrip(), unit, *map(number, middles.values()), *ratios])
    return _aligned(lines)


def _aligned(lines):
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def wanted(promise):
    """What is promised, in words: ">= 0.55 x bridge, aim 0.8"."""
    bound = "not judged" if promise.bound is None else str(promise.bound)
    against = f" x {promise.against.text}" if promise.against else ""
    aim = "" if promise.aim is None else f", aim {promise.aim:g}"
    return bound + against + aim


def verdict_line(promise, verdict, results):
    name = f"{promise.name:27}"  # the longest
    if verdict is None:
        return f"FAIL  {name} too few runs succeeded ({wanted(promise)})"
    line = f"{verdict.word}  {name} {number(verdict.value)} ({wanted(promise)})"
    if promise.against:
        middles = [results.middle(row, peer, figure) for row, peer, figure in promise.sources]
        best = max(middle for middle in middles if middle is not None)
        line += f"   {number(results.middle(promise.row, OURS, promise.figure))} / {number(best)}"
    return f"{line}   rounds {' '.join(map(number, verdict.rounds))}"


def to_json(record, verdicts):
    document = {
        "machine": record.machine,
        "settings": record.settings,
        "results": record.results.as_json(),
        "verdicts": [{"promise": promise.name, "wanted": wanted(promise), "verdict": verdict.word if verdict else "FAIL",
                      "value": _finite(verdict.value) if verdict else None,
                      "rounds": [_finite(value) for value in verdict.rounds] if verdict else []}
                     for promise, verdict in verdicts],
    }
    return json.dumps(document, indent=1, allow_nan=False)


def from_json(text):
    document = json.loads(text)
    return Record(document["machine"], document["settings"], Results.of_json(document["results"]))


def _finite(value):
    return value if math.isfinite(value) else None  # JSON has no infinity: a peer that moved nothing
