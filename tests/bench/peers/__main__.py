"""The same work through Postern, slirp4netns, pasta and a veth bridge with NAT, side by side in one run. See ../README.md.

    python3 tests/bench/peers                       everything, about half an hour
    python3 tests/bench/peers --quick --only 'tcp-*-1500'
    python3 tests/bench/peers --judge               what Postern promises, PASS or FAIL; exit status 1 on a FAIL
    python3 tests/bench/peers --json run.json --plot run.svg, and later --from run.json --only 'tcp-*' --plot tcp.svg
"""

import os
import shutil
import sys

import judge
import machine
import options as command_line
import plan
import plot
import process
import report
from iperf import IperfError
from options import HERE
from places import NAMES, NotMeasured, places
from rows import ROWS, Settings


def say(text):
    print(text, file=sys.stderr, flush=True)


def is_whole_root():
    """Root who has the spare user's id, as the lab asks; any other root is served like an ordinary user."""
    with open("/proc/self/uid_map", encoding="ascii") as lines:
        ranges = [tuple(map(int, line.split())) for line in lines]
    return process.is_root() and any(first <= process.USER_ID < first + count for first, _, count in ranges)


def enter_lab(options, planned):
    """Becomes this program on a lab's host: as root the relays run as the lab's user, otherwise everything does."""
    lab = os.path.join(options.build, "tests/bin/postern-lab")
    if not os.path.exists(lab):
        sys.exit(f"peers: {lab} is missing: build Postern first (sh contrib/check.sh --only build)")
    who = [] if is_whole_root() else ["--user"]
    round_trips = sorted({row.round_trip for row in planned.rows if row.round_trip})
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


def available(planned, engine):
    """The places that are asked for and can be had, and why others cannot."""
    found, reasons = [], []
    for place in places(engine):
        if place.name not in planned.peer_names:
            continue
        why = place.lacks() if shutil.which(place.program) else f"{place.program} is not installed"
        if why:
            reasons.append(f"{place.name}: {why}")
        else:
            found.append(place)
    return found, reasons


def measure_one(row, place, settings, results):
    try:
        figures = row.measure(place, settings)
    except NotMeasured as why:
        results.add(row.name, place.name, None, str(why))
        return f"- ({why})"
    except (process.Failed, IperfError) as why:
        results.add(row.name, place.name, None, f"{report.FAILED}{why}")
        return f"{report.FAILED}{why}"
    results.add(row.name, place.name, figures)
    return "  ".join(f"{name} {report.number(figures.get(name))} {unit}".strip() for name, unit in row.figures)


def measure(options, planned):
    settings = Settings(options.seconds, choose_congestion_control())
    found, skipped = available(planned, options.engine)
    described = machine.describe([place.program for place in found if place.name not in (judge.OURS, "host")] + ["iperf3"])
    say(f"peers: {machine.summary(described)}")
    results = report.Results()
    runs = list(planned.runs(found))
    for count, (row, place) in enumerate(runs, 1):
        said = measure_one(row, place, settings, results)
        say(f"[{count:3}/{len(runs)}] {row.name:18} {place.name:12} {said}")
    described["load_after"] = os.getloadavg()[0]
    used = vars(settings) | {"rounds": options.rounds, "engine": options.engine, "skipped": skipped}
    return report.Record(described, used, results)


def print_report(options, rows, record, verdicts):
    settings = record.settings
    print(machine.summary(record.machine))
    print(f"runs of {settings['seconds']} s, {settings['congestion_control']}, {settings['rounds']} round(s), "
          f"engine {settings.get('engine') or 'of its choice'}, load {record.machine['load_after']:.1f} at the end")
    for promise, verdict in verdicts:
        print(report.verdict_line(promise, verdict, record.results))
    if not options.judge:
        print(report.table(rows, [name for name in NAMES if name in record.results.peers()], record.results))
    for (row, peer), reason in record.results.reasons.items():
        print(f"none: {row} {peer}: {reason}")
    for reason in settings["skipped"]:
        print(f"SKIPPED {reason}")


def write(path, text):
    with sys.stdout if path == "-" else open(path, "w", encoding="utf-8") as file:
        print(text, file=file)


def draw(rows, record):
    peers = [name for name in NAMES if name in record.results.peers()]
    rounds = f"medians of {record.settings['rounds']} round(s) of {record.settings['seconds']} s"
    return plot.svg(plot.groups_of(rows, peers, record.results), peers, f"{machine.summary(record.machine)}; {rounds}")


def plan_of(options):
    if options.judge:
        return plan.of_promises(command_line.promises(options, options.engine), ROWS, options.rounds)
    return plan.of_rows([row for row in ROWS if command_line.is_chosen(row.name, options)], options.peers, options.rounds)


def obtain(options):
    """What a report is made of: read, or measured, in a lab."""
    if options.source:
        with open(options.source, encoding="utf-8") as file:
            return report.from_json(file.read())
    planned = plan_of(options)
    if not options.in_lab:
        enter_lab(options, planned)
    return measure(options, planned)


def main():
    options = command_line.parse(sys.argv[1:], __doc__)
    if options.list:
        print("\n".join(f"{row.name:20} {row.what}" for row in ROWS if command_line.is_chosen(row.name, options)))
        return 0
    record = obtain(options)
    rows = [row for row in ROWS if row.name in record.results.rows() and command_line.is_chosen(row.name, options)]
    promises = command_line.promises(options, options.engine or record.settings.get("engine"))
    verdicts = [(promise, judge.judge(promise, record.results.series)) for promise in promises]
    if options.json != "-":
        print_report(options, rows, record, verdicts)
    if options.json:
        write(options.json, report.to_json(record, verdicts))
    if options.plot:
        write(options.plot, draw(rows, record))
    broken = any(verdict is None or verdict.word == "FAIL" for _, verdict in verdicts)
    return 1 if broken or record.results.failed(judge.OURS) else 0


if __name__ == "__main__":
    sys.exit(main())
