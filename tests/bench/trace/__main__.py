"""What the observers in the kernel cost those packets that nobody asked for.

    sudo python3 tests/bench/trace [--rounds N] [--seconds N] [--filter WORDS] [--build DIR] [--json] [--judge]

    throughput   iperf3, TCP, from a container over a bridge and through masquerading, alone and while its three namespaces are
                 observed with a filter that means other packets; in turn, and the ratio of each pair
    share        the time that our programs ran, of one processor's, by kernel.bpf_stats_enabled, in runs of their own: to take the
                 time costs time
    loss         datagrams at 20,000 a second, which `postern trace --json` follows through one namespace and through all three: how
                 many of its events were written, and how many it says were lost

    container 10.60.0.2 == veth == br0 10.60.0.1 | host | up0 192.0.2.1 == veth == 192.0.2.2 outside

Everything happens in network namespaces of its own with a /run of its own. Figures are medians.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "peers"))
import machine  # noqa: E402  the description of the machine, as the other benchmarks print it

PACKETS_PER_SECOND = 20_000
DATAGRAM_BYTES = 100
NAMESPACES = ("container", "host", "outside")
STATISTICS = "/proc/sys/kernel/bpf_stats_enabled"
MOST_SHARE = 0.10


def run(argv, *, text=""):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(argv)}: status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def build_world():
    os.makedirs("/run/netns")
    for name in NAMESPACES:
        run(["ip", "netns", "add", name])
        run(["ip", "-n", name, "link", "set", "lo", "up"])
    for line in ("-n host link add c1 type veth peer name eth0 netns container", "-n host link add br0 type bridge",
                 "-n host link set c1 master br0 up", "-n host addr add 10.60.0.1/24 dev br0", "-n host link set br0 up",
                 "-n host link add up0 type veth peer name eth0 netns outside", "-n host addr add 192.0.2.1/24 dev up0",
                 "-n host link set up0 up",
                 "-n container addr add 10.60.0.2/24 dev eth0", "-n container link set eth0 up",
                 "-n container route add default via 10.60.0.1",
                 "-n outside addr add 192.0.2.2/24 dev eth0", "-n outside link set eth0 up"):
        run(["ip", *line.split()])
    run(["ip", "netns", "exec", "host", "sysctl", "-qw", "net.ipv4.ip_forward=1"])
    run(["ip", "netns", "exec", "host", "nft", "-f", "-"],
        text='table ip bench { chain post { type nat hook postrouting priority 100; oifname "up0" masquerade; }; }')


class Observer:
    """postern-probes, from when it says that all is attached to the end of its standard input."""

    def __init__(self, options):
        program = os.path.realpath(os.path.join(options.build, "tests", "bin", "postern-probes"))
        before = {each["id"] for each in programs()}
        places = [word for name in NAMESPACES for word in ("--netns", f"/run/netns/{name}")]
        self.process = subprocess.Popen([program, "--quiet", *places, *options.filter.split()], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("ready"):
            sys.exit("bench: the observers could not be attached")
        self.own = {each["id"] for each in programs()} - before

    def seconds(self):
        """How long its programs have run while statistics were on, each for itself."""
        return {f"{each['name']}": each.get("run_time_ns", 0) / 1e9 for each in programs() if each["id"] in self.own}

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def programs():
    return json.loads(run(["bpftool", "prog", "show", "-j"]))


def flood(seconds, *how):
    """What iperf3 reports."""
    server = subprocess.Popen(["ip", "netns", "exec", "outside", "iperf3", "-s", "-1", "--forceflush"],
                              stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if line.startswith("Server listening"):
            break
    text = run(["ip", "netns", "exec", "container", "iperf3", "-J", "-t", str(seconds), "-c", "192.0.2.2", *how])
    server.communicate()
    return json.loads(text)


def stream(seconds):
    """Gbit/s that reached the receiver."""
    return flood(seconds)["end"]["sum_received"]["bits_per_second"] / 1e9


def observed(options):
    observer = Observer(options)
    rate = stream(options.seconds)
    observer.end()
    return rate


def counted(options):
    """The share of a processor, in all and by program, and the rate meanwhile."""
    observer = Observer(options)
    before, began = observer.seconds(), time.monotonic()
    rate = stream(options.seconds)
    elapsed, after = time.monotonic() - began, observer.seconds()
    observer.end()
    shares = {name: (after[name] - before[name]) / elapsed for name in after}
    return {"share": sum(shares.values()), "Gbit/s": rate, "programs": shares}


def throughput(options):
    pairs = []
    for number in range(options.rounds):
        if number % 2 == 0:
            alone, together = stream(options.seconds), observed(options)
        else:
            together, alone = observed(options), stream(options.seconds)
        pairs.append((alone, together))
    alone, together = zip(*pairs)
    return {"alone": round(statistics.median(alone), 1), "observed": round(statistics.median(together), 1),
            "ratio": round(statistics.median(with_it / without for without, with_it in pairs), 3)}


def share(options):
    with open(STATISTICS, encoding="utf-8") as file:
        previous = file.read()
    try:
        with open(STATISTICS, "w", encoding="utf-8") as file:
            file.write("1")
        rounds = [counted(options) for _ in range(options.rounds)]
    finally:
        with open(STATISTICS, "w", encoding="utf-8") as file:
            file.write(previous)
    rounds.sort(key=lambda each: each["share"])
    middle = rounds[len(rounds) // 2]
    return {"share": round(middle["share"], 4), "Gbit/s": round(middle["Gbit/s"], 1),
            "share at 10 Gbit/s": round(statistics.median(each["share"] / each["Gbit/s"] for each in rounds) * 10, 4),
            "programs": {name: round(value, 4) for name, value in middle["programs"].items()}}


def traced(options, names):
    """A flood of datagrams that are all meant."""
    postern = os.path.realpath(os.path.join(options.build, "bin", "postern"))
    places = [word for name in names for word in ("--netns", f"/run/netns/{name}")]
    written = "/run/events.jsonl"
    with open(written, "wb") as file:
        tracer = subprocess.Popen([postern, "trace", "--json", *places, "udp", "port", "5201"], stdout=file,
                                  stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:
        if "watching" in line:
            break
    pace = PACKETS_PER_SECOND * DATAGRAM_BYTES * 8
    report = flood(options.seconds, "-u", "-l", str(DATAGRAM_BYTES), "-b", str(pace))
    tracer.send_signal(signal.SIGINT)
    tracer.communicate()
    if tracer.returncode != 0:
        sys.exit(f"bench: postern trace: status {tracer.returncode}")
    last = run(["tail", "-n", "1", written])
    lost = json.loads(last).get("lost", 0)
    events = int(run(["wc", "-l", written]).split()[0]) - (1 if lost else 0)
    os.remove(written)
    sent = report["end"]["sum"]
    return {"packets/s": round(sent["packets"] / sent["seconds"]), "events": events, "lost": lost,
            "lost share": round(lost / max(events + lost, 1), 4)}


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/trace", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of one flood")
    parser.add_argument("--filter", default="icmp")
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "..", "build"), help="the build tree")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--judge", action="store_true", help=f"exit with 1 where the share is over {MOST_SHARE:.0%}")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: to observe the kernel needs root")
    if "POSTERN_BENCH_INSIDE" not in os.environ:
        os.environ["POSTERN_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, HERE, *sys.argv[1:]])
    run(["mount", "-t", "tmpfs", "none", "/run"])
    build_world()
    about = machine.describe(["iperf3"])
    flow, cost = throughput(options), share(options)
    loss = {" and ".join(names): traced(options, names) for names in (NAMESPACES[:1], NAMESPACES)}
    passed = cost["share"] <= MOST_SHARE
    if options.json:
        print(json.dumps({"machine": about, "rounds": options.rounds, "filter": options.filter, "throughput": flow,
                          "share": cost, "loss": loss, "passed": passed}))
    else:
        print(machine.summary(about))
        print(f"throughput   {flow['alone']} Gbit/s alone, {flow['observed']} observed with \"{options.filter}\", "
              f"ratio {flow['ratio']}")
        print(f"share        {'passed' if passed else 'MISSED'}  {cost['share']:.1%} of one processor at {cost['Gbit/s']} Gbit/s; "
              f"{cost['share at 10 Gbit/s']:.1%} at 10 Gbit/s")
        print("             " + ", ".join(f"{name} {value:.2%}" for name, value in cost["programs"].items()))
        for where, each in loss.items():
            print(f"loss         {each['lost share']:.2%}  {each['lost']} of {each['events'] + each['lost']} events, at "
                  f"{each['packets/s']} packets/s, in {where}")
    return 1 if options.judge and not passed else 0


sys.exit(main())
