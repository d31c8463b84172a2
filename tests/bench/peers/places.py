"""The peers: each gives a namespace a network, in the way its own manual tells a new user to.

    remote (iperf3, nginx, echo) ══ veth ══ host ─── a peer ─── namespace (clients; servers of published ports)

The relays run as the lab's ordinary user in user namespaces of their own. The bridge is made by root, in the host's namespace.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from process import Failed, ReadyPipe, Running, descendant_named, innermost_child, is_root, run, wait_until

REMOTE = os.environ.get("LAB_REMOTE4", "")
HOST = os.environ.get("LAB_HOST4", "")
HTTP_PORT = "80"
# Says that it is there, and then is there, for others to enter its namespaces.
HOLDER = ["sh", "-c", "echo up; exec sleep infinity"]
NEW_NAMESPACES = ["unshare", "--user", "--map-root-user", "--net"]


class NotMeasured(Exception):
    """This peer has no such figure; the text says why."""


@dataclass
class Inside:
    """A namespace that a peer has connected."""

    holder: int  # a process in it
    relay: int | None  # the process that carries the packets; None: the kernel does
    entry: list = field(default_factory=lambda: ["--user", "--net", "--preserve-credentials"])  # empty: we stand in it
    root: bool = False  # who may enter

    def command(self, argv):
        return ["nsenter", f"--target={self.holder}", *self.entry, "--", *argv] if self.entry else argv

    def run(self, argv, **options):
        return run(self.command(argv), root=self.root, **options)

    def start(self, argv):
        return Running(self.command(argv), root=self.root)


def settle(inside, congestion_control):
    """The sysctls that every namespace of a comparison shares: a new one starts with the kernel's defaults, not the lab's."""
    if not inside.entry:
        return
    settings = {"tcp_congestion_control": congestion_control, "tcp_max_tw_buckets": "2048", "ip_local_port_range": "10000 65535"}
    inside.run(["sh", "-ec", " ".join(f"echo {value} >/proc/sys/net/ipv4/{name};" for name, value in settings.items())])


def _milliseconds_since(start):
    return (time.monotonic() - start) * 1000


@contextlib.contextmanager
def _empty_namespace():
    with Running([*NEW_NAMESPACES, *HOLDER]) as holder:
        holder.read_line()
        yield holder.pid


def _first_byte_of(run_command):
    """For peers that run a command: from their own start to the command's first byte from the remote, in milliseconds."""
    client = ["postern-load", "first-byte", REMOTE, HTTP_PORT]
    return json.loads(run(["postern-load", "stamp", *run_command, *client]))["milliseconds"]


class Postern:
    name = "postern"
    program = "postern"

    def __init__(self, engine=None):
        """`engine` as --engine names it; None leaves the choice to Postern."""
        self._engine = [f"--engine={engine}"] if engine else []

    def lacks(self):
        return ""

    def _run(self, mtu=None, publish=()):
        ports = [option for port in publish for option in ("--publish", f"{port}:{port}")]
        return ["postern", "run", "--quiet", *self._engine, *([f"--mtu={mtu}"] if mtu else []), *ports, "--"]

    @contextlib.contextmanager
    def connected(self, mtu, publish=()):
        with Running([*self._run(mtu, publish), *HOLDER]) as relay:
            relay.read_line()
            yield Inside(innermost_child(relay.pid), relay.pid)

    def first_byte(self):
        return _first_byte_of(self._run())

    def ready(self):
        with _empty_namespace() as holder, ReadyPipe() as pipe:
            start = time.monotonic()
            command = ["postern", "attach", "--quiet", *self._engine, "--configure", f"--ready-fd={pipe.writing}"]
            with Running([*command, str(holder), "tap0"], pass_fds=[pipe.writing]) as relay:
                pipe.wait(relay)
                return _milliseconds_since(start)


class Slirp4netns:
    name = "slirp4netns"
    program = "slirp4netns"

    def lacks(self):
        return ""

    @contextlib.contextmanager
    def _attached(self, holder, options=()):
        with ReadyPipe() as pipe:
            fixed = ["slirp4netns", "--configure", "--disable-host-loopback", f"--ready-fd={pipe.writing}"]
            with Running([*fixed, *options, str(holder), "tap0"], pass_fds=[pipe.writing]) as relay:
                pipe.wait(relay)
                yield relay.pid

    @contextlib.contextmanager
    def connected(self, mtu, publish=()):
        with tempfile.TemporaryDirectory(dir="/run/lab/tmp") as folder:
            os.chmod(folder, 0o777)
            api = f"{folder}/api"
            with _empty_namespace() as holder, self._attached(holder, [f"--mtu={mtu}", f"--api-socket={api}"]) as relay:
                for port in publish:
                    self._publish(api, port)
                yield Inside(holder, relay)

    @staticmethod
    def _publish(api, port):
        ports = {"proto": "tcp", "host_addr": "0.0.0.0", "host_port": port, "guest_port": port}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(api)
            connection.sendall(json.dumps({"execute": "add_hostfwd", "arguments": ports}).encode())
            connection.shutdown(socket.SHUT_WR)
            answer = json.loads(connection.recv(4096))
        if "error" in answer:
            raise Failed(f"slirp4netns: add_hostfwd: {answer['error']}")

    def first_byte(self):
        client = ["postern-load", "stamp", *NEW_NAMESPACES, "postern-load", "first-byte", REMOTE, HTTP_PORT, "wait"]
        with Running(client) as holder:
            holder.read_line()
            with self._attached(holder.pid):
                holder.tell("go")
                return json.loads(holder.read_line())["milliseconds"]

    def ready(self):
        with _empty_namespace() as holder:
            start = time.monotonic()
            with self._attached(holder):
                return _milliseconds_since(start)


class Pasta:
    name = "pasta"
    program = "pasta"
    # --no-map-gw: the lab's gateway is the remote, not an alias of the host. No port is forwarded that is not asked for.
    _OPTIONS = ["--config-net", "--no-map-gw", "--quiet", "-u", "none", "-T", "none", "-U", "none"]

    def lacks(self):
        return ""

    def _run(self, mtu=None, publish=()):
        ports = ["-t", ",".join(map(str, publish)) or "none"]
        return ["pasta", *self._OPTIONS, *ports, *([f"--mtu={mtu}"] if mtu else []), "--foreground", "--"]

    @contextlib.contextmanager
    def connected(self, mtu, publish=()):
        with Running([*self._run(mtu, publish), *HOLDER]) as relay:
            relay.read_line()
            holder = innermost_child(relay.pid)
            try:
                yield Inside(holder, relay.pid)
            finally:
                # The command outlives a pasta that is killed, with the listening sockets that it has inherited.
                os.kill(holder, signal.SIGKILL)
                wait_until(lambda: not os.path.exists(f"/proc/{holder}"), "the end of pasta's command")

    def first_byte(self):
        return _first_byte_of(self._run())

    def ready(self):
        """It has no --ready-fd; it goes to the background when it is ready."""
        with _empty_namespace() as holder, tempfile.TemporaryDirectory(dir="/run/lab/tmp") as folder:
            os.chmod(folder, 0o777)
            start = time.monotonic()
            run(["pasta", *self._OPTIONS, "-t", "none", "--pid", f"{folder}/pid", str(holder)])
            taken = _milliseconds_since(start)
            with open(f"{folder}/pid", encoding="ascii") as pid:
                os.kill(int(pid.read()), signal.SIGKILL)
            return taken


class RootlessKit:
    """Its own port driver, builtin: a process in the namespace dials, and hands the socket out."""

    name = "rootlesskit"
    program = "rootlesskit"

    def lacks(self):
        return ""

    @contextlib.contextmanager
    def connected(self, mtu, publish=()):
        with tempfile.TemporaryDirectory(dir="/run/lab/tmp") as folder:
            os.chmod(folder, 0o777)
            ports = [f"--publish=0.0.0.0:{port}:{port}/tcp" for port in publish]
            command = ["rootlesskit", "--net=slirp4netns", f"--mtu={mtu}", "--disable-host-loopback", "--port-driver=builtin",
                       f"--state-dir={folder}/state", *ports, *HOLDER]
            with Running(command) as kit:
                kit.read_line()
                wait_until(lambda: descendant_named(kit.pid, "sleep"), "RootlessKit's command")
                yield Inside(descendant_named(kit.pid, "sleep"), kit.pid)

    def first_byte(self):
        raise NotMeasured("of published ports only")

    ready = first_byte


class Bridge:
    """What root has: a veth pair into a bridge, masquerade and DNAT by nftables."""

    name = "bridge"
    program = "nft"
    _ADDRESS, _GATEWAY = "10.88.0.2", "10.88.0.1"

    def lacks(self):
        return "" if is_root() else "a bridge on the host needs root"

    @contextlib.contextmanager
    def connected(self, mtu, publish=()):
        with Running(["unshare", "--net", *HOLDER], root=True) as holder:
            holder.read_line()
            inside = Inside(holder.pid, None, ["--net"], root=True)
            try:
                self._build(inside, mtu, publish)
                yield inside
            finally:
                self._remove()

    def _build(self, inside, mtu, publish):
        batch = (f"link add peers0 mtu {mtu} type bridge\n"
                 f"link add peers1 mtu {mtu} master peers0 type veth peer name eth0 mtu {mtu} netns {inside.holder}\n"
                 f"addr add {self._GATEWAY}/24 dev peers0\nlink set peers0 up\nlink set peers1 up\n")
        run(["ip", "-batch", "-"], root=True, given=batch)
        inside.run(["ip", "-batch", "-"], given=f"link set lo up\naddr add {self._ADDRESS}/24 dev eth0\nlink set eth0 up\n"
                                                f"route add default via {self._GATEWAY}\n")
        ports = "".join(f"iifname eth0 tcp dport {port} dnat ip to {self._ADDRESS}\n" for port in publish)
        rules = ("table inet peers {\n"
                 f"chain in {{ type nat hook prerouting priority dstnat\n{ports}}}\n"
                 "chain out { type nat hook postrouting priority srcnat\n"
                 f"ip saddr {self._ADDRESS} oifname != peers0 masquerade\n}}\n}}\n")
        run(["nft", "-f", "-"], root=True, given=rules)
        with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as forward:
            forward.write("1")

    @staticmethod
    def _remove():
        for command in (["nft", "delete", "table", "inet", "peers"], ["ip", "link", "delete", "peers0"],
                        ["ip", "link", "delete", "peers1"]):
            subprocess.run(command, capture_output=True, check=False)

    def first_byte(self):
        raise NotMeasured("made by root beforehand")

    ready = first_byte


class Host:
    """The lab's host itself, without a namespace and without a relay: what the path to the remote gives at all."""

    name = "host"
    program = "sh"

    def lacks(self):
        return ""

    @contextlib.contextmanager
    def connected(self, _mtu, _publish=()):
        """The link's own MTU; a server that listens on the host is published as it is."""
        yield Inside(os.getpid(), None, entry=[])

    def first_byte(self):
        raise NotMeasured("nothing to start")

    ready = first_byte


NAMES = ("postern", "slirp4netns", "pasta", "rootlesskit", "bridge", "host")


def places(engine=None):
    """All of them, in the order in which they are measured."""
    return Postern(engine), Slirp4netns(), Pasta(), RootlessKit(), Bridge(), Host()
