"""Bridge mode beside netavark, the CNI plugin "bridge" and a bridge made by hand: what attaching costs, whether it stays so, what
the way through it carries.

    sudo python3 tests/bench/bridge [--rounds N] [--only ROW]... [--json] [--judge] [--quick]

    attach, attach-port   one container, whole process, each tool in turn in every round; and taken away again
    scale                 the cost of one more container behind 1, 10, 100 and 500 of them
    ports                 5000 published ports at once, one more, one less
    through, published    iperf3 through our bridge and through one made by hand, from outside by NAT and by DNAT

Everything happens in a network namespace of its own with a /run of its own. Figures are medians; ratios compare the rounds in pairs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "peers"))
import machine  # noqa: E402  the description of the machine, as the other benchmark prints it

ROWS = ("attach", "attach-port", "scale", "ports", "through", "published")
SCALE = (1, 10, 100, 500)
MANY_PORTS = 5000
QUICK = {"rounds": 1, "scale": (1, 3), "ports": 20}  # to see that it works; no figure of it says anything
PEERS = {"netavark": "/usr/lib/podman/netavark", "cni": "/usr/lib/cni"}


def run(argv, *, text="", env=None, check=True):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False)
    if check and done.returncode != 0:
        sys.exit(f"bench: {' '.join(argv)}: status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def timed(argv, **options):
    """Milliseconds, from the fork to the end of the process."""
    start = time.perf_counter()
    run(argv, **options)
    return (time.perf_counter() - start) * 1000


def namespace(name):
    run(["ip", "netns", "add", name])
    return f"/run/netns/{name}"


def without(name):
    run(["ip", "netns", "del", name])


class Postern:
    name = "postern"

    def __init__(self, program):
        self.program = program
        run([program, "bridge", "up", "bench", "--no-names", "--subnet", "10.61.0.0/16"])

    def attach(self, name, path, port):
        publish = ["-p", f"{port}:80"] if port else []
        return timed([self.program, "bridge", "attach", "bench", path, "--id", name, *publish])

    def detach(self, name, _path, _port):
        return timed([self.program, "bridge", "detach", "bench", name])

    def end(self):
        run([self.program, "bridge", "down", "bench", "--force"])


class Netavark:
    name = "netavark"

    def __init__(self, _program):
        self.next_host = 2

    def _plan(self, name, port):
        mapping = [{"container_port": 80, "host_port": port, "host_ip": "", "protocol": "tcp", "range": 1}] if port else []
        return json.dumps({
            "container_id": name, "container_name": name, "port_mappings": mapping,
            "networks": {"bench": {"interface_name": "eth0", "static_ips": [self.address]}},
            "network_info": {"bench": {
                "name": "bench", "id": "0" * 64, "driver": "bridge", "network_interface": "navbench", "internal": False,
                "subnets": [{"subnet": "10.62.0.0/16", "gateway": "10.62.0.1"}], "ipv6_enabled": False, "dns_enabled": False,
                "ipam_options": {"driver": "host-local"}}}})

    def attach(self, name, path, port):
        self.address = f"10.62.{self.next_host // 250}.{self.next_host % 250 + 2}"
        self.next_host += 1
        return timed([PEERS["netavark"], "setup", path], text=self._plan(name, port))

    def detach(self, name, path, port):
        return timed([PEERS["netavark"], "teardown", path], text=self._plan(name, port))

    def end(self):
        run(["ip", "link", "del", "navbench"], check=False)


class Cni:
    """bridge with host-local, and for a port portmap after it: what a runtime runs, one process each."""
    name = "cni"

    def __init__(self, _program):
        self.results = {}

    def _call(self, command, plugin, name, path, plan):
        env = {"CNI_COMMAND": command, "CNI_CONTAINERID": name, "CNI_NETNS": path, "CNI_IFNAME": "eth0", "CNI_PATH": PEERS["cni"]}
        return run([f"{PEERS['cni']}/{plugin}"], text=json.dumps(plan), env=env)

    def _bridge(self):
        return {"cniVersion": "0.4.0", "name": "bench", "type": "bridge", "bridge": "cnibench", "isGateway": True, "ipMasq": True,
                "hairpinMode": True, "ipam": {"type": "host-local", "dataDir": "/run/cni-bench",
                                              "ranges": [[{"subnet": "10.63.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}}

    def _portmap(self, name, port):
        return {"cniVersion": "0.4.0", "name": "bench", "type": "portmap", "capabilities": {"portMappings": True},
                "runtimeConfig": {"portMappings": [{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]},
                "prevResult": self.results[name]}

    def attach(self, name, path, port):
        start = time.perf_counter()
        self.results[name] = json.loads(self._call("ADD", "bridge", name, path, self._bridge()))
        if port:
            self._call("ADD", "portmap", name, path, self._portmap(name, port))
        return (time.perf_counter() - start) * 1000

    def detach(self, name, path, port):
        start = time.perf_counter()
        if port:
            self._call("DEL", "portmap", name, path, self._portmap(name, port))
        self._call("DEL", "bridge", name, path, self._bridge())
        return (time.perf_counter() - start) * 1000

    def end(self):
        run(["ip", "link", "del", "cnibench"], check=False)


def tools(program, row):
    """Those that are there. What a peer lacks on this kernel (iptables, say) is said, and it is left out."""
    found = [Postern(program)]
    for kind in (Netavark, Cni):
        if not os.path.exists(PEERS[kind.name]):
            print(f"{row}: {kind.name} is not installed", file=sys.stderr)
            continue
        found.append(kind(program))
    return found


def attach_row(program, rounds, port):
    row = "attach-port" if port else "attach"
    present = tools(program, row)
    samples = {tool.name: {"attach": [], "detach": []} for tool in present}
    for number in range(rounds + 1):  # the first makes what is there once: bridges, base rules
        for tool in present[number % len(present):] + present[:number % len(present)]:
            name = f"{tool.name}{number}"
            path = namespace(name)
            up = tool.attach(name, path, 20000 + number if port else 0)
            down = tool.detach(name, path, 20000 + number if port else 0)
            without(name)
            if number > 0:
                samples[tool.name]["attach"].append(up)
                samples[tool.name]["detach"].append(down)
    for tool in present:
        tool.end()
    result = {"row": row, "milliseconds": {}, "ratios": {}}
    ours = samples["postern"]
    for name, sample in samples.items():
        result["milliseconds"][name] = {step: round(statistics.median(values), 1) for step, values in sample.items()}
        if name != "postern":
            pairs = [theirs / own for theirs, own in zip(sample["attach"], ours["attach"])]
            result["ratios"][name] = round(statistics.median(pairs), 2)
    result["passed"] = all(ratio > 1 for ratio in result["ratios"].values()) and len(result["ratios"]) > 0
    return result


def scale_row(program, rounds, counts):
    """The cost of the n-th container: the median of some that come and go while n are there."""
    tool = Postern(program)
    costs = {}
    there = 0
    for count in counts:
        while there < count - 1:
            there += 1
            tool.attach(f"c{there}", namespace(f"c{there}"), 30000 + there)
        sample = []
        for number in range(2 * rounds + 1):
            path = namespace("more")
            sample.append((tool.attach("more", path, 29999), tool.detach("more", path, 0)))
            without("more")
        costs[count] = [round(statistics.median(part), 1) for part in zip(*sample)]
    tool.end()
    for number in range(1, there + 1):
        without(f"c{number}")
    growth = costs[counts[-1]][0] / costs[counts[0]][0]
    return {"row": "scale", "milliseconds of attach and detach, each with a port": costs, "last / first": round(growth, 2),
            "passed": growth <= 1.5}


def ports_row(program, rounds, count):
    """Ports that lead elsewhere one by one: none of them can be written as one range."""
    tool = Postern(program)
    path = namespace("ports")
    tool.attach("ports", path, 0)
    many = [f"{port}:{1 + port % 60000}" for port in range(10000, 10000 + 2 * count, 2)]
    at_once, away = f"{count} at once", f"{count} away"
    samples = {at_once: [], "one more": [], "one less": [], away: []}
    for _ in range(rounds):
        samples[at_once].append(timed([program, "bridge", "ports", "add", "bench", "ports", *many]))
        samples["one more"].append(timed([program, "bridge", "ports", "add", "bench", "ports", "9:9"]))
        samples["one less"].append(timed([program, "bridge", "ports", "rm", "bench", "ports", "9:9"]))
        samples[away].append(timed([program, "bridge", "ports", "rm", "bench", "ports", *many]))
    tool.end()
    without("ports")
    medians = {name: round(statistics.median(values), 1) for name, values in samples.items()}
    return {"row": "ports", "milliseconds": medians,
            "passed": medians[at_once] < 1000 and medians["one more"] < 50 and medians["one less"] < 50}


def hand_made(port):
    """What the articles build: a bridge, a veth pair, masquerade, DNAT."""
    path = namespace("hand")
    for line in ("link add hand0 type bridge", "addr add 10.64.0.1/24 dev hand0", "link set hand0 up",
                 "link add hand1 type veth peer name eth0 netns hand", "link set hand1 master hand0 up"):
        run(["ip", *line.split()])
    for line in ("link set lo up", "addr add 10.64.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.64.0.1"):
        run(["ip", "-n", "hand", *line.split()])
    run(["nft", "-f", "-"], text=f"""table ip hand {{
  chain pre {{ type nat hook prerouting priority -100; fib daddr type local tcp dport {port} dnat to 10.64.0.2:5201; }}
  chain post {{ type nat hook postrouting priority 100; ip saddr 10.64.0.0/24 oifname != "hand0" masquerade; }}
}}""")
    return path


def congestion_control():
    """cubic, the distributions' default, where the first network namespace allows it."""
    with open("/proc/sys/net/ipv4/tcp_allowed_congestion_control", encoding="utf-8") as allowed:
        return "cubic" if "cubic" in allowed.read().split() else "reno"


def flow(namespace_of_client, arguments):
    text = run(["ip", "netns", "exec", namespace_of_client, "iperf3", "-J", "-t", "5", "-O", "1", "-C", congestion_control(), *arguments])
    return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e9


def throughput_row(program, rounds, row):
    tool = Postern(program)
    tool.attach("ours", namespace("ours"), 0)
    run([program, "bridge", "ports", "add", "bench", "ours", "5301:5201"])
    hand_made(5302)
    servers = [subprocess.Popen(["ip", "netns", "exec", where, "iperf3", "-s"], stdout=subprocess.DEVNULL)
               for where in ("ours", "hand", "outside")]
    time.sleep(0.5)  # iperf3 -s tells nobody when it listens; its clients are refused before
    samples = {"postern": [], "hand": []}
    for number in range(rounds):
        order = [("postern", "ours", 5301), ("hand", "hand", 5302)]
        for name, inside, port in order if number % 2 == 0 else reversed(order):
            arguments = ["-c", "192.0.2.2"] if row == "through" else ["-c", "192.0.2.1", "-p", str(port)]
            samples[name].append(flow(inside if row == "through" else "outside", arguments))
    for server in servers:
        server.kill()
        server.wait()
    tool.end()
    run(["ip", "link", "del", "hand0"])
    run(["nft", "delete", "table", "ip", "hand"])
    for name in ("ours", "hand"):
        without(name)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(samples["postern"], samples["hand"]))
    return {"row": row, "Gbit/s": {name: round(statistics.median(values), 1) for name, values in samples.items()},
            "ratio": round(ratio, 3), "passed": ratio >= 0.95}


def outside():
    """The host of the measurement: a link to a machine outside, and the default route there."""
    os.makedirs("/run/netns")
    run(["ip", "link", "set", "lo", "up"])
    namespace("outside")
    for line in ("link add up0 type veth peer name eth0 netns outside", "addr add 192.0.2.1/24 dev up0", "link set up0 up",
                 "-n outside addr add 192.0.2.2/24 dev eth0", "-n outside link set eth0 up", "-n outside link set lo up",
                 "route add default via 192.0.2.2"):
        run(["ip", *line.split()])


def measure(row, program, options):
    rounds = options.rounds
    if row in ("attach", "attach-port"):
        return attach_row(program, rounds, row == "attach-port")
    if row == "scale":
        return scale_row(program, rounds, QUICK["scale"] if options.quick else SCALE)
    if row == "ports":
        return ports_row(program, rounds, QUICK["ports"] if options.quick else MANY_PORTS)
    return throughput_row(program, rounds, row)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/bridge", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", action="append", choices=ROWS)
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "..", "build"), help="the build tree")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--judge", action="store_true", help="exit with 1 where a row is not what it must be")
    parser.add_argument("--quick", action="store_true", help="a round of little, to see that it works")
    options = parser.parse_args()
    if options.quick:
        options.rounds = QUICK["rounds"]
    program = os.path.realpath(os.path.join(options.build, "bin", "postern"))
    if os.geteuid() != 0:
        sys.exit("bench: bridge mode needs root")
    if "POSTERN_BENCH_INSIDE" not in os.environ:
        os.environ["POSTERN_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, HERE, *sys.argv[1:]])
    run(["mount", "-t", "tmpfs", "none", "/run"])
    outside()
    about = machine.describe(["netavark", "containernetworking-plugins", "nft"])
    results = [measure(row, program, options) for row in options.only or ROWS]
    if options.json:
        print(json.dumps({"machine": about, "rounds": options.rounds, "results": results}))
    else:
        print(machine.summary(about))
        for result in results:
            parts = [f"{key}: {value}" for key, value in result.items() if key not in ("row", "passed")]
            print(f"{result['row']:<12} {'passed' if result['passed'] else 'MISSED'}  {'; '.join(parts)}")
    return 1 if options.judge and not all(result["passed"] for result in results) else 0


sys.exit(main())
