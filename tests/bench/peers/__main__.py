"""The same work through Postern, slirp4netns, pasta and a veth bridge with NAT, side by side in one run. See ../README.md.

    python3 tests/bench/peers                       everything, about a quarter of an hour
    python3 tests/bench/peers --quick --only 'tcp-*-1500'
    python3 tests/bench/peers --judge               what Postern promises, PASS or FAIL; exit status 1 on a FAIL
"""

import argparse
import fnmatch
import os
import shutil
import sys

import judge
import machine
import process
import report
from iperf import IperfError
from places import PLACES, NotMeasured
from rows import ROWS, Settings

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "../../../build")
SKIPPED = 77  # what ctest takes as a skip


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="only what is promised, in paired rounds against slirp4netns")
    parser.add_argument("--only", metavar="NAME", action="append", help="rows whose name matches, e.g. 'tcp-*' (several times)")
    parser.add_argument("--peers", metavar="NAME,...", help="of " + ",".join(place.name for place in PLACES))
    parser.add_argument("--rounds", type=int, help=f"runs of each figure, interleaved; the median counts (1; judged: {judge.ROUNDS})")
    parser.add_argument("--seconds", type=int, default=5, help="length of a run (below 5 pasta's figures are start-up artefacts)")
    parser.add_argument("--quick", action="store_true", help="runs of 1 second, to try it out")
    parser.add_argument("--json", metavar="FILE", help="all figures, machine, kernel and commit too (- for standard output)")
    parser.add_argument("--list", action="store_true", help="the rows")
    parser.add_argument("--build", default=BUILD, help="the build to measure (default: build/)")
    parser.add_argument("--in-lab", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.quick:
        options.seconds = 1
    options.rounds = options.rounds or (judge.ROUNDS if options.judge else 1)
    names = [place.name for place in PLACES]
    options.peers = options.peers.split(",") if options.peers else None
    if options.judge:
        options.peers = ["postern", judge.JUDGED_PEER]
    if unknown := set(options.peers or ()) - set(names):
        parser.error(f"no peer is named {', '.join(sorted(unknown))}")
    options.rows = chosen_rows(options)
    if not options.rows:
        parser.error(f"no row matches {', '.join(options.only)} (--list)")
    return options


def chosen_rows(options):
    promised = {promise.row for promise in judge.PROMISES}
    return [row for row in ROWS if (not options.judge or row.name in promised)
            and (not options.only or any(fnmatch.fnmatch(row.name, pattern) for pattern in options.only))]


def say(text):
    print(text, file=sys.stderr, flush=True)


def is_whole_root():
    """Root who has the spare user's id, as the lab asks; any other root is served like an ordinary user."""
    with open("/proc/self/uid_map", encoding="ascii") as lines:
        ranges = [tuple(map(int, line.split())) for line in lines]
    return process.is_root() and any(first <= process.USER_ID < first + count for first, _, count in ranges)


def enter_lab(options):
    """Becomes this program on a lab's host: as root the relays run as the lab's user, otherwise everything does."""
    lab = os.path.join(options.build, "tests/bin/postern-lab")
    if not os.path.exists(lab):
        sys.exit(f"peers: {lab} is missing: build Postern first (sh contrib/check.sh --only build)")
    who = [] if is_whole_root() else ["--user"]
    round_trips = sorted({row.round_trip for row in options.rows if row.round_trip})
    wires = ["--wires", ",".join(map(str, round_trips))] if round_trips else []
    again = [sys.executable, HERE, "--in-lab", *sys.argv[1:]]
    os.execv(lab, [lab, "--servers", "http,echo,iperf3", *wires, *who, "--", *again])


def choose_congestion_control():
    """cubic is the distributions' default. Where the kernel forbids it to namespaces, reno, which is allowed everywhere, stands in:
    both back off on loss alone, and over a link without delay they grow alike (RFC 9438 4.3). bbr bends every figure."""
    path = "/proc/sys/net/ipv4/tcp_congestion_control"
    with open(path, encoding="ascii") as now:
        chosen = now.read().strip()
    if chosen == "cubic":
        return chosen
    say("peers: cubic is not in net.ipv4.tcp_allowed_congestion_control of the first network namespace")
    if not process.is_root():
        say(f"peers: SKIPPED reno in its place (needs root): the relays' own sockets use {chosen}, which bends every figure")
        return "reno"
    write = ["sh", "-c", f"echo reno >{path}"]
    process.run(write, root=True)
    process.run(process.on_remote(write), root=True)
    say("peers: reno in its place, in every namespace")
    return "reno"


def peers_of(row, options):
    return options.peers or row.peers


def available(options):
    """The places that the rows ask for and that can be had, and why others cannot."""
    names = {name for row in options.rows for name in peers_of(row, options)}
    places, reasons = [], []
    for place in PLACES:
        if place.name not in names:
            continue
        why = place.lacks() if shutil.which(place.program) else f"{place.program} is not installed"
        if why:
            reasons.append(f"{place.name}: {why}")
        else:
            places.append(place)
    return places, reasons


def measure_all(options, places, settings):
    results = report.Results()
    runs = [(row, place) for row in options.rows for _ in range(options.rounds)
            for place in places if place.name in peers_of(row, options)]
    for count, (row, place) in enumerate(runs, 1):
        said = measure_one(row, place, settings, results)
        say(f"[{count:3}/{len(runs)}] {row.name:18} {place.name:12} {said}")
    return results


def measure_one(row, place, settings, results):
    try:
        figures = row.measure(place, settings)
    except NotMeasured as why:
        results.add(row.name, place.name, None, str(why))
        return f"- ({why})"
    except (process.Failed, IperfError) as why:
        results.add(row.name, place.name, None, f"FAILED: {why}")
        return f"FAILED: {why}"
    results.add(row.name, place.name, figures)
    return "  ".join(f"{name} {report.number(figures.get(name))} {unit}".strip() for name, unit in row.figures)


def judge_all(options, results):
    names = {row.name for row in options.rows}
    verdicts = []
    for promise in judge.PROMISES:
        if promise.row not in names:
            continue
        series = [results.series(promise.row, peer, promise.figure) for peer in options.peers]
        verdicts.append((promise, judge.judge(promise, *series)))
    return verdicts


def print_report(options, places, results, verdicts):
    for promise, verdict in verdicts:
        middles = [results.middle(promise.row, peer, promise.figure) for peer in options.peers]
        print(report.verdict_line(promise, verdict, middles))
    if not options.judge:
        print(report.table(options.rows, [place.name for place in places], results))
    for (row, peer), reason in results.reasons.items():
        print(f"none: {row} {peer}: {reason}")


def main():
    options = parse_arguments(sys.argv[1:])
    if options.list:
        print("\n".join(f"{row.name:20} {row.what}" for row in options.rows))
        return 0
    if not options.in_lab:
        enter_lab(options)
    settings = Settings(options.seconds, choose_congestion_control())
    places, skipped = available(options)
    described = machine.describe([place.program for place in places if place.name not in ("postern", "host")] + ["iperf3"])
    say(f"peers: {machine.summary(described)}")
    results = measure_all(options, places, settings)
    described["load_after"] = os.getloadavg()[0]
    verdicts = judge_all(options, results) if options.judge else []
    if options.json != "-":
        print(machine.summary(described))
        print(f"runs of {settings.seconds} s, {settings.congestion_control}, {options.rounds} round(s), load {described['load_after']:.1f} at the end")
        print_report(options, places, results, verdicts)
        for reason in skipped:
            print(f"SKIPPED {reason}")
    if options.json:
        text = report.to_json(described, vars(settings) | {"rounds": options.rounds, "skipped": skipped}, results, verdicts)
        with sys.stdout if options.json == "-" else open(options.json, "w", encoding="utf-8") as file:
            print(text, file=file)
    failed = any(verdict is None or verdict.word == "FAIL" for _, verdict in verdicts)
    ours_failed = any(peer == "postern" for (_, peer) in results.reasons)
    return 1 if failed or ours_failed else 0


if __name__ == "__main__":
    sys.exit(main())
