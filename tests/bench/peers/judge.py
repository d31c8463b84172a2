"""What Postern promises against slirp4netns, and the verdicts. Pure: rounds of figures in, verdicts out.

A machine is shared and its noise comes in waves, so a promise is on the median of the ratios of paired rounds (A B A B ...), each
of two runs that followed one another. Figures that are Postern's alone are judged by their median.
"""

import math
from dataclasses import dataclass
from statistics import median

ROUNDS = 5
JUDGED_PEER = "slirp4netns"


@dataclass(frozen=True)
class Promise:
    row: str
    figure: str = ""
    at_least_ratio: float | None = None
    below: float | None = None  # of Postern's own figure

    @property
    def name(self):
        return f"{self.row} {self.figure}".rstrip()

    @property
    def is_ratio(self):
        return self.below is None


@dataclass(frozen=True)
class Verdict:
    promise: Promise
    value: float  # the median ratio, or the median figure
    rounds: tuple[float, ...]

    @property
    def word(self):
        promise = self.promise
        if promise.below is not None:
            return "PASS" if self.value < promise.below else "FAIL"
        if promise.at_least_ratio is None:
            return "info"
        return "PASS" if self.value >= promise.at_least_ratio else "FAIL"


def _promises():
    for mtu, judged in ((1500, True), (16384, True), (65520, False)):
        for way in ("up", "down"):
            yield Promise(f"tcp-{way}-{mtu}", at_least_ratio=1.0 if judged else None)
        yield Promise(f"tcp-both-{mtu}", "slower", at_least_ratio=3.0 if judged else None)
        yield Promise(f"tcp-both-{mtu}", "sum", at_least_ratio=0.95 if judged else None)
    yield Promise("memory-idle", "resident", below=6)
    yield Promise("first-byte", below=20)


PROMISES = tuple(_promises())


def ratio(ours, theirs):
    if theirs == 0:
        return math.inf if ours else 1.0
    return ours / theirs


def judge(promise, ours, theirs):
    """`ours` and `theirs`: the promise's figure, one a round; None where a run failed. Nothing to compare is no verdict."""
    if promise.is_ratio:
        rounds = tuple(ratio(a, b) for a, b in zip(ours, theirs) if a is not None and b is not None)
    else:
        rounds = tuple(a for a in ours if a is not None)
    if len(rounds) < (len(ours) + 1) // 2:
        return None
    return Verdict(promise, median(rounds), rounds)
