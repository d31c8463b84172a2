"""What is measured, through whom and in which order. Pure."""

from dataclasses import dataclass

import judge
from rows import Row


@dataclass(frozen=True)
class Plan:
    families: tuple[tuple[Row, ...], ...]  # rows that are measured in turn within each round
    peers: dict[str, tuple[str, ...]]  # of a row's name
    rounds: int

    @property
    def rows(self):
        return [row for family in self.families for row in family]

    @property
    def peer_names(self):
        return {peer for peers in self.peers.values() for peer in peers}

    def runs(self, places):
        """(row, place) in order: those of a round one after the other, for a machine's noise comes in waves."""
        for family in self.families:
            for _ in range(self.rounds):
                for row in family:
                    yield from ((row, place) for place in places if place.name in self.peers[row.name])


def of_rows(rows, peers, rounds):
    """Each row for itself, through `peers`, or where nobody is named through its own."""
    return Plan(tuple((row,) for row in rows), {row.name: tuple(peers or row.peers) for row in rows}, rounds)


def of_promises(promises, rows, rounds):
    """What is needed to judge them, in the order of `rows`, and no run more."""
    order = {row.name: place for place, row in enumerate(rows)}
    families = sorted(sorted(order[name] for name in family) for family in judge.families(promises))
    return Plan(tuple(tuple(rows[place] for place in family) for family in families),
                {name: tuple(peers) for name, peers in judge.needed(promises).items()}, rounds)
