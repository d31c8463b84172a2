"""What Postern promises, and the verdicts. Pure: rounds of figures in, verdicts out.

A machine is shared and its noise comes in waves, so a promise that compares is on the median of the ratios of paired rounds:
within a round all that is compared is measured one after the other (A B C D, A B C D, ...). Figures that are Postern's alone
are judged by their median.
"""

import math
import operator
from dataclasses import dataclass
from statistics import median

OURS = "postern"
ROUNDS = 5

_HOLDS = {">=": operator.ge, ">": operator.gt, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True)
class Bound:
    sign: str
    limit: float

    def holds(self, value):
        return _HOLDS[self.sign](value, self.limit)

    def __str__(self):
        return f"{self.sign} {self.limit:g}"


@dataclass(frozen=True)
class Against:
    """What Postern's figure is divided by in each round: the best of what these have."""

    peers: tuple[str, ...]
    rows: tuple[str, ...] = ()  # () is the promise's own row and figure; else the first figure of these
    text: str = ""


@dataclass(frozen=True)
class Promise:
    row: str
    figure: str = ""
    bound: Bound | None = None  # None: told, and not judged
    against: Against | None = None  # None: the bound is on Postern's own figure
    aim: float | None = None  # told beside the bound, and not judged

    @property
    def name(self):
        return f"{self.row} {self.figure}".rstrip()

    @property
    def sources(self):
        """(row, peer, figure) of each that Postern is compared with."""
        if self.against is None:
            return ()
        figures = [(row, "") for row in self.against.rows] or [(self.row, self.figure)]
        return tuple((row, peer, figure) for row, figure in figures for peer in self.against.peers)


@dataclass(frozen=True)
class Verdict:
    promise: Promise
    value: float  # the median ratio, or the median figure
    rounds: tuple[float, ...]

    @property
    def word(self):
        if self.promise.bound is None:
            return "info"
        return "PASS" if self.promise.bound.holds(self.value) else "FAIL"


def _at_least(limit):
    return Bound(">=", limit)


def _below(limit):
    return Bound("<", limit)


_SLIRP4NETNS = Against(("slirp4netns",), text="slirp4netns")
_BRIDGE = Against(("bridge",), text="bridge")
_BETTER_PEER = Against(("slirp4netns", "pasta"), text="the better of slirp4netns and pasta")
_HOST = Against(("host",), text="host")
_ROOTLESSKIT = Against(("rootlesskit",), text="RootlessKit's builtin driver")
_AHEAD = Bound(">", 1)


def _of_libslirp():
    for mtu, judged in ((1500, True), (16384, True), (65520, False)):
        for way in ("up", "down"):
            yield Promise(f"tcp-{way}-{mtu}", "", _at_least(1) if judged else None, _SLIRP4NETNS)
        yield Promise(f"tcp-both-{mtu}", "slower", _at_least(3) if judged else None, _SLIRP4NETNS)
        yield Promise(f"tcp-both-{mtu}", "sum", _at_least(0.95) if judged else None, _SLIRP4NETNS)
    yield Promise("memory-idle", "resident", _below(6))
    yield Promise("first-byte", "", _below(20))


def _of_fast_tcp(mtu, beside_peers):
    one_stream = [f"tcp-{way}-{mtu}" for way in ("up", "down")]
    for row in one_stream:
        yield Promise(row, "", _at_least(0.55), _BRIDGE, aim=0.8)
        yield Promise(row, "", beside_peers, _BETTER_PEER)
    single = Against(("bridge",), tuple(one_stream), "the bridge's better single direction")
    yield Promise(f"tcp-both-{mtu}", "slower", _at_least(0.12), single, aim=0.3)
    yield Promise(f"tcp-both-{mtu}", "sum", _at_least(0.55), _BRIDGE, aim=0.8)
    for row in one_stream:
        for streams in (8, 64):
            yield Promise(f"{row}-x{streams}", "", _at_least(0.9), Against((OURS,), (row,), "its own single stream"))
            yield Promise(f"{row}-x{streams}", "fairness", _at_least(0.9))


def _of_fast():
    yield from _of_fast_tcp(1500, _at_least(4))
    yield from _of_fast_tcp(65520, _AHEAD)
    for round_trip in (20, 100):
        for way in ("up", "down"):
            yield Promise(f"tcp-{way}-1500-{round_trip}ms", "", _at_least(0.9), _HOST, aim=1)
    for row in ("rr-out", "crr-out"):
        yield Promise(row, "", _AHEAD, _BETTER_PEER)
        yield Promise(row, "", _at_least(0.6), _BRIDGE, aim=0.9)
    for row in ("udp-up", "udp-down"):
        yield Promise(row, "goodput", _AHEAD, _BETTER_PEER)
    for row in ("udp-loss-up", "udp-loss-down"):
        yield Promise(row, "lost", Bound("<=", 0))
    yield Promise("udp-rr", "", _AHEAD, _BETTER_PEER)
    yield Promise("udp-segments", "ratio", _at_least(3))
    yield Promise("published-1500", "", _at_least(0.55), _BRIDGE, aim=0.8)
    yield Promise("published-1500", "", _at_least(3), _SLIRP4NETNS)
    yield Promise("crr-published", "", _AHEAD, _BETTER_PEER)
    yield Promise("loopback-in", "", _at_least(0.4), _HOST, aim=0.55)
    yield Promise("loopback-in", "", _at_least(1), _ROOTLESSKIT)
    yield Promise("idle-10000", "resident", _below(30))
    yield Promise("idle-10000", "ratio", _at_least(0.9))
    yield Promise("memory-idle", "resident", _below(6), aim=3)
    yield Promise("first-byte", "", _below(10), aim=5)
    for way in ("up", "down"):
        yield Promise("syscalls", way, Bound("<=", 80))


PROMISES = {"libslirp": tuple(_of_libslirp()), "fast": tuple(_of_fast())}  # by engine
DEFAULT_ENGINE = "fast"  # of a Postern that is not told


def needed(promises):
    """What must be measured for them: {row: the peers}."""
    rows = {}
    for promise in promises:
        for row, peer, _ in ((promise.row, OURS, promise.figure), *promise.sources):
            rows.setdefault(row, set()).add(peer)
    return rows


def families(promises):
    """The rows in sets that are compared with one another, so that each set is measured within one round."""
    found = []
    for promise in promises:
        rows = {promise.row, *(row for row, _, _ in promise.sources)}
        apart = [family for family in found if not family & rows]
        found = [*apart, rows.union(*(family for family in found if family & rows))]
    return found


def ratio(ours, theirs):
    if theirs == 0:
        return math.inf if ours else 1.0
    return ours / theirs


def judge(promise, series):
    """`series`: (row, peer, figure) -> one number a round, None where a run failed. Nothing to compare is no verdict; nor is it a
    comparison with the better of two when one of them failed."""
    ours = series(promise.row, OURS, promise.figure)
    theirs = [series(*source) for source in promise.sources]
    complete = [figures for figures in zip(ours, *theirs) if None not in figures]
    if not complete or len(complete) < (len(ours) + 1) // 2:
        return None
    rounds = tuple(ratio(own, max(others)) if others else own for own, *others in complete)
    return Verdict(promise, median(rounds), rounds)
