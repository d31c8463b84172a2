"""The command line."""

import argparse
import fnmatch
import os

import judge
from places import NAMES
from rows import ROWS

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "../../../build")


def parse(argv, description):
    """`rounds`, `peers` and `promises` are as they count; `engine` is None where Postern is to choose."""
    parser = argparse.ArgumentParser(prog="peers", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="only what is promised of the engine, in paired rounds")
    parser.add_argument("--engine", choices=sorted(judge.PROMISES),
                        help=f"what Postern is told to use, and whose promises are judged (judged: {judge.DEFAULT_ENGINE})")
    parser.add_argument("--only", metavar="NAME", action="append", help="rows whose name matches, e.g. 'tcp-*' (several times)")
    parser.add_argument("--peers", metavar="NAME,...", help=f"of {','.join(NAMES)} (all; host, without a relay, on long paths)")
    parser.add_argument("--rounds", type=int,
                        help=f"runs of each figure, interleaved; the median counts (1; judged: {judge.ROUNDS})")
    parser.add_argument("--seconds", type=int, default=5, help="length of a run (below 5 pasta's figures are start-up artefacts)")
    parser.add_argument("--quick", action="store_true", help="runs of 1 second, to try it out")
    parser.add_argument("--json", metavar="FILE", help="all figures, machine, kernel and commit too (- for standard output)")
    parser.add_argument("--plot", metavar="FILE", help="the medians as bars, in an SVG")
    parser.add_argument("--from", metavar="FILE", dest="source", help="what --json wrote, reported anew instead of measured")
    parser.add_argument("--list", action="store_true", help="the rows")
    parser.add_argument("--build", default=BUILD, help="the build to measure (default: build/)")
    parser.add_argument("--in-lab", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.quick:
        options.seconds = 1
    options.rounds = options.rounds or (judge.ROUNDS if options.judge else 1)
    options.peers = options.peers.split(",") if options.peers else None
    if unknown := set(options.peers or ()) - set(NAMES):
        parser.error(f"no peer is named {', '.join(sorted(unknown))}")
    if options.judge and options.peers:
        parser.error("--judge names the peers itself")
    if not any(is_chosen(row.name, options) for row in ROWS):
        parser.error(f"no row matches {', '.join(options.only)} (--list)")
    if options.judge and not promises(options, options.engine):
        parser.error(f"nothing is promised of {', '.join(options.only)}")
    return options


def is_chosen(row_name, options):
    return not options.only or any(fnmatch.fnmatch(row_name, pattern) for pattern in options.only)


def promises(options, engine):
    """What is judged; nothing unless --judge."""
    if not options.judge:
        return []
    return [promise for promise in judge.PROMISES[engine or judge.DEFAULT_ENGINE] if is_chosen(promise.row, options)]
