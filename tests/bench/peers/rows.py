"""What is measured, a row each. A row connects a namespace afresh through the peer that it is given, and leaves nothing."""

import itertools
import json
import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import iperf
import process
import programs
import system_calls
from places import HOST, REMOTE, NotMeasured, settle

MTUS = (1500, 16384, 65520)  # Ethernet's; Postern's default with libslirp; its default otherwise, and slirp4netns's and pasta's usual
SMALL_MTU = 1500             # for what does not depend on it
ECHO_PORT = "7"
PUBLISHED_PORT = 6201        # of the lab's host and of the namespace
MANY_STREAMS = (8, 64)
ROUND_TRIPS = (20, 100)  # ms, of the long paths
DATAGRAM_BYTES = "1400"
DATAGRAM_RATES = ("100M", "250M", "500M", "1G", "2G")  # offered, bit/s
DATAGRAMS_SENT = 200_000
LOSS_PACES = tuple(round(100 * 1.5 ** step) for step in range(13))  # Mbit/s offered, up to 13 Gbit/s
LOSS_DATAGRAMS = 200_000  # for each second of a run: a million, as it comes
LOSS_SECONDS = 60         # and no longer than this
LOSS_BUFFER = 4 << 20     # of the programs' sockets: else the receiver's lose what it is not awake for
SINK_PORT = "6300"       # of the remote
HELD_CONNECTIONS = "1000"
IDLE_CONNECTIONS = "10000"
OPENING_SECONDS = 120  # libslirp walks all its connections for each packet
STARTS = 5

# A server that was left in the middle of a test needs a moment; the next one is free.
_iperf_port = itertools.cycle(str(int(os.environ.get("LAB_IPERF_PORT", "5201")) + n)
                              for n in range(int(os.environ.get("LAB_IPERF_SERVERS", "4"))))


RELAYS = ("postern", "slirp4netns", "pasta", "bridge")
LOOPBACK = "127.0.0.1"
BY_LOOPBACK = ("postern", "slirp4netns", "pasta", "rootlesskit", "host")  # the host: a server on it, reached directly


@dataclass(frozen=True)
class Settings:
    seconds: int = 5
    congestion_control: str = "cubic"


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    figures: tuple[tuple[str, str], ...]  # (name, unit); the first of a single figure is ""
    measure: Callable  # (place, settings) -> {figure name: number}
    peers: tuple[str, ...] = RELAYS  # who is asked where nobody is named
    round_trip: int | None = None  # ms, of the wire that the lab must lay for it
    plotted: tuple[str, ...] = ()  # the figures that a plot shows; () is the first


@contextmanager
def _connected(place, settings, mtu, publish=()):
    with place.connected(mtu, publish) as inside:
        settle(inside, settings.congestion_control)
        yield inside


def _iperf_client(settings, *options, remote=REMOTE):
    return ["iperf3", "--client", remote, "--port", next(_iperf_port), "--time", str(settings.seconds), "--json", *options]


def _iperf_patience(settings):
    return settings.seconds + process.PATIENCE_SECONDS


def _iperf_with_cost(inside, client, settings):
    """What iperf3 said, and the relay's processor seconds meanwhile; None where the kernel is the relay."""
    before = inside.relay and process.processor_seconds(inside.relay)
    text = inside.run(client, seconds=_iperf_patience(settings))
    return text, inside.relay and process.processor_seconds(inside.relay) - before


def _cost(spent, gigabits_per_second, settings):
    """Processor seconds for a gigabyte: this one a busy machine bends little."""
    return {} if spent is None else {"cost": spent / (gigabits_per_second / 8 * settings.seconds)}


def _tcp(mtu, *options):
    def measure(place, settings):
        with _connected(place, settings, mtu) as inside:
            text, spent = _iperf_with_cost(inside, _iperf_client(settings, *options), settings)
        rate = iperf.tcp(text)
        return {"": rate, "fairness": iperf.fairness(text)} | _cost(spent, rate, settings)
    return measure


def _tcp_far(round_trip, *options):
    """Over a long path of the lab, with the frames that the path itself lost: a loss there is no relay's."""
    def measure(place, settings):
        remote, lost = os.environ[f"LAB_WIRE_{round_trip}MS4"], os.environ[f"LAB_WIRE_{round_trip}MS_LOST"]
        with _connected(place, settings, SMALL_MTU) as inside:
            _prove_length(inside, remote, round_trip)
            before = process.number_in(lost)
            text, spent = _iperf_with_cost(inside, _iperf_client(settings, *options, remote=remote), settings)
        rate = iperf.tcp(text)
        return {"": rate, "lost": process.number_in(lost) - before} | _cost(spent, rate, settings)
    return measure


def _prove_length(inside, remote, round_trip):
    """The remote answers for all its addresses on every link: a relay that binds to one may take the short way."""
    taken = json.loads(inside.run(["postern-load", "connect", remote, ECHO_PORT]))["milliseconds"]
    if taken < round_trip:
        raise process.Failed(f"a connect took {taken:.1f} ms, so not over the path of {round_trip} ms")


def _tcp_both(mtu):
    def measure(place, settings):
        with _connected(place, settings, mtu) as inside:
            text, spent = _iperf_with_cost(inside, _iperf_client(settings, "--bidir"), settings)
        up, down = iperf.tcp_both_ways(text)
        return {"up": up, "down": down, "slower": min(up, down), "sum": up + down} | _cost(spent, up + down, settings)
    return measure


@contextmanager
def _serving(inside, argv):
    with inside.start(argv) as server:
        def ready():
            server.check()
            # Not in the server's: before it has entered it stands outside, where the relay listens.
            return process.listens(inside.holder, PUBLISHED_PORT)
        process.wait_until(ready, f"{argv[0]} in the namespace")
        yield


def _use_up_early_sockets(inside):
    """Who keeps sockets of the namespace ready has made them before settle(): with the kernel's congestion control, not ours."""
    with _serving(inside, ["postern-echo", str(PUBLISHED_PORT)]):
        held = json.loads(process.run(["postern-load", "hold", LOOPBACK, str(PUBLISHED_PORT), "64"]))["held"]
        if held != 64:
            raise process.Failed(f"{held} of 64 connections")


@contextmanager
def _server_inside(place, settings, mtu, argv, to):
    """A server in the namespace, reached from the remote, or by loopback, at the lab host's PUBLISHED_PORT."""
    with _connected(place, settings, mtu, [PUBLISHED_PORT]) as inside:
        if to == LOOPBACK:
            _use_up_early_sockets(inside)
        with _serving(inside, argv):
            yield


def _published(mtu, *options, to=HOST):
    """From the remote, or from the host itself by its loopback."""
    def measure(place, settings):
        client = ["iperf3", "--client", to, "--port", str(PUBLISHED_PORT), "--time", str(settings.seconds), "--json", *options]
        command = client if to == LOOPBACK else process.on_remote(client)
        with _server_inside(place, settings, mtu, ["iperf3", "--server", "--port", str(PUBLISHED_PORT)], to):
            return {"": iperf.tcp(process.run(command, seconds=_iperf_patience(settings)))}
    return measure


def _per_second(text):
    result = json.loads(text)
    return {"": result["done"] / result["seconds"], "failed": result["failed"]}


def _load_out(load):
    def measure(place, settings):
        with _connected(place, settings, SMALL_MTU) as inside:
            return _per_second(inside.run(["postern-load", load, REMOTE, ECHO_PORT, str(settings.seconds)],
                                          seconds=_iperf_patience(settings)))
    return measure


def _load_published(load, to=HOST):
    def measure(place, settings):
        client = ["postern-load", load, to, str(PUBLISHED_PORT), str(settings.seconds)]
        command = client if to == LOOPBACK else process.on_remote(client)
        with _server_inside(place, settings, SMALL_MTU, ["postern-echo", str(PUBLISHED_PORT)], to):
            return _per_second(process.run(command, seconds=_iperf_patience(settings)))
    return measure


def _udp(*options):
    """Paced at a few rates: the most that arrived, and what was lost then."""
    def measure(place, settings):
        best, lost = 0.0, 1.0
        with _connected(place, settings, SMALL_MTU) as inside:
            for rate in DATAGRAM_RATES:
                client = _iperf_client(settings, "--udp", "--length", DATAGRAM_BYTES, "--bitrate", rate, *options)
                best, lost = max((best, lost), iperf.udp(inside.run(client, seconds=_iperf_patience(settings))))
        return {"goodput": best, "lost": lost * 100}
    return measure


def _largest_buffer():
    """iperf3 fails where it does not get what it asks for, socket(7)."""
    try:
        return min(LOSS_BUFFER, *(process.number_in(f"/proc/sys/net/core/{name}_max") for name in ("rmem", "wmem")))
    except FileNotFoundError:  # older kernels show them in the first namespace alone
        return None


def _udp_loss(*options):
    """The pace at which a hundredth is first lost, or that of a sender which cannot send faster; and the loss at half of it.

    What has come, and found the receiver's own buffer full, was not lost on the way.
    """
    def measure(place, settings):
        def overflowed(inside):
            table = ["cat", "/proc/net/snmp"]
            return iperf.udp_overflows(inside.run(table) if "--reverse" in options else process.run(process.on_remote(table)))

        buffer = _largest_buffer()
        window = ["--window", str(buffer)] if buffer else []

        def sent(inside, megabits, *length, seconds):
            client = ["iperf3", "--client", REMOTE, "--port", next(_iperf_port), "--json", "--udp", "--length", DATAGRAM_BYTES,
                      "--bitrate", f"{megabits}M", *window, *length, *options]
            before = overflowed(inside)
            rate, known, lost = iperf.udp_loss(inside.run(client, seconds=seconds + process.PATIENCE_SECONDS))
            overflow = overflowed(inside) - before
            return rate, known, max(lost - overflow, 0), overflow

        with _connected(place, settings, SMALL_MTU) as inside:
            for offered in LOSS_PACES:
                limit, known, lost, _ = sent(inside, offered, "--time", "1", seconds=1)
                if lost * 100 >= known or limit * 1000 < 0.9 * offered:
                    break
            pace = limit * 1000 / 2
            count = min(LOSS_DATAGRAMS * settings.seconds, int(LOSS_SECONDS * pace * 1e6 / 8 / int(DATAGRAM_BYTES)))
            _, known, lost, overflow = sent(inside, round(pace), "--blockcount", str(count), seconds=LOSS_SECONDS)
        return {"limit": limit, "lost": lost, "overflow": overflow, "of": known}
    return measure


def _udp_requests(place, settings):
    with _connected(place, settings, SMALL_MTU) as inside:
        return _per_second(inside.run(["postern-datagram", "rr", REMOTE, ECHO_PORT, str(settings.seconds)],
                                      seconds=_iperf_patience(settings)))


def _udp_segments(place, settings):
    """Datagrams a second of a sender that gives the kernel one a call, and of one that gives it 40 (UDP_SEGMENT), to a receiver
    that takes many at once (UDP_GRO). 64 are unanswered at most, so that none is lost."""
    sink = process.on_remote(["postern-datagram", "sink", SINK_PORT, str(DATAGRAMS_SENT)])
    figures = {}
    for figure, each in (("plain", (DATAGRAM_BYTES,)), ("segments", (str(40 * int(DATAGRAM_BYTES)), DATAGRAM_BYTES))):
        with _connected(place, settings, SMALL_MTU) as inside, process.Running(sink) as server:
            server.read_line()
            text = inside.run(["postern-datagram", "send", REMOTE, SINK_PORT, str(DATAGRAMS_SENT), *each],
                              seconds=process.PATIENCE_SECONDS)
        figures[figure] = DATAGRAMS_SENT / float(text.split()[3])
    return figures | {"ratio": figures["segments"] / figures["plain"]}


def _memory(inside):
    if inside.relay is None:
        raise NotMeasured("no relay process")
    resident, proportional = process.memory_mb(inside.relay)
    return {"resident": resident} | ({} if proportional is None else {"proportional": proportional})


def _memory_idle(place, settings):
    with _connected(place, settings, SMALL_MTU) as inside:
        return _memory(inside)


def _memory_held(place, settings):
    with _connected(place, settings, SMALL_MTU) as inside:
        with inside.start(["postern-load", "hold", REMOTE, ECHO_PORT, HELD_CONNECTIONS]) as client:
            return {"connections": json.loads(client.read_line())["held"]} | _memory(inside)


@contextmanager
def _idle_connections(inside):
    with inside.start(["postern-load", "hold", REMOTE, ECHO_PORT, IDLE_CONNECTIONS]) as client:
        held = json.loads(client.read_line(OPENING_SECONDS))
        if held["stopped_by"]:
            raise process.Failed(f"no more than {held['held']} connections: {held['stopped_by']}")
        yield


def _requests_in_a_second(inside):
    return _per_second(inside.run(["postern-load", "rr", REMOTE, ECHO_PORT, "1"]))[""]


def _idle(place, settings):
    """Many connections that nobody uses: what they weigh, and what one that is used feels of them. Beside it, turn by turn, a
    second relay without them: the machine's other work then bends both alike."""
    with _connected(place, settings, SMALL_MTU) as crowded:
        _memory(crowded)  # nothing to measure without a relay
        _requests_in_a_second(crowded)  # a relay that was used before: what it gives back changes how malloc(3) grows
        with _connected(place, settings, SMALL_MTU) as empty, _idle_connections(crowded):
            turns = [(_requests_in_a_second(crowded), _requests_in_a_second(empty)) for _ in range(settings.seconds)]
            memory = _memory(crowded)
    beside, alone = (median(numbers) for numbers in zip(*turns))
    return {"rr": beside, "rr-alone": alone, "ratio": median(ours / without for ours, without in turns)} | memory


def _system_calls(place, settings):
    if reason := system_calls.lacks():
        raise NotMeasured(reason)
    figures = {}
    with _connected(place, settings, SMALL_MTU) as inside:
        if inside.relay is None:
            raise NotMeasured("no relay process")
        for way, options in (("up", ()), ("down", ("--reverse",))):
            with system_calls.counted(inside.relay) as count:
                text = inside.run(_iperf_client(settings, *options), seconds=_iperf_patience(settings))
            figures[way] = count.total / iperf.mebibytes(text)
    return figures


def _program(program):
    def measure(place, settings):
        if reason := program.lacks():
            raise NotMeasured(reason)
        with _connected(place, settings, SMALL_MTU) as inside:
            return program.measure(inside, settings)
    return measure


def _least(start):
    """Of a few starts: what the program needs when nobody else wants the processor; others' load only adds."""
    def measure(place, settings):
        return {"": min(start(place) for _ in range(STARTS))}
    return measure


COST = ("cost", "s/GB")
GIGABITS = (("", "Gbit/s"), COST)
SHARED_GIGABITS = (*GIGABITS, ("fairness", ""))
FAR_GIGABITS = (*GIGABITS, ("lost", "frames"))
BOTH_WAYS = (*((name, "Gbit/s") for name in ("up", "down", "slower", "sum")), COST)
PER_SECOND = (("", "/s"),)
CONNECTIONS = (("", "/s"), ("failed", ""))
DATAGRAMS = (("goodput", "Gbit/s"), ("lost", "%"))
LOSS = (("limit", "Gbit/s"), ("lost", "datagrams"), ("overflow", "datagrams"), ("of", "datagrams"))
SEGMENTS = (("plain", "/s"), ("segments", "/s"), ("ratio", ""))
MEMORY = (("resident", "MB"), ("proportional", "MB"))

SYSTEM_CALLS = (("up", "calls/MiB"), ("down", "calls/MiB"))
IDLE = (*MEMORY, ("rr", "/s"), ("rr-alone", "/s"), ("ratio", ""))


def _tcp_rows():
    for mtu in MTUS:
        for way, options in (("up", ()), ("down", ("--reverse",))):
            yield Row(f"tcp-{way}-{mtu}", f"TCP {way}, MTU {mtu}, 1 stream", GIGABITS, _tcp(mtu, *options))
            for streams in MANY_STREAMS:
                yield Row(f"tcp-{way}-{mtu}-x{streams}", f"TCP {way}, MTU {mtu}, {streams} streams", SHARED_GIGABITS,
                          _tcp(mtu, "--parallel", str(streams), *options))
        yield Row(f"tcp-both-{mtu}", f"TCP both ways at once, MTU {mtu}", BOTH_WAYS, _tcp_both(mtu),
                  plotted=("slower", "sum"))
        yield Row(f"published-{mtu}", f"TCP in through a published port, MTU {mtu}", GIGABITS[:1], _published(mtu))


def _far_rows():
    for round_trip in ROUND_TRIPS:
        for way, options in (("up", ()), ("down", ("--reverse",))):
            yield Row(f"tcp-{way}-{SMALL_MTU}-{round_trip}ms", f"TCP {way} over a path of {round_trip} ms there and back",
                      FAR_GIGABITS, _tcp_far(round_trip, *options), (*RELAYS, "host"), round_trip)


ROWS = (
    *_tcp_rows(),
    *_far_rows(),
    Row("rr-out", "request/response, 1 byte, one connection", PER_SECOND, _load_out("rr")),
    Row("rr-published", "the same, into a published port", PER_SECOND, _load_published("rr")),
    Row("crr-out", "connect, request, close, one after the other", CONNECTIONS, _load_out("crr")),
    Row("crr-published", "the same, into a published port", CONNECTIONS, _load_published("crr")),
    Row("loopback-in", "TCP from the host's loopback into a published port", GIGABITS[:1], _published(SMALL_MTU, to=LOOPBACK),
        BY_LOOPBACK),
    Row("loopback-out", "the same, the other way", GIGABITS[:1], _published(SMALL_MTU, "--reverse", to=LOOPBACK), BY_LOOPBACK),
    Row("crr-loopback", "connect, request, close from the host's loopback into a published port", CONNECTIONS,
        _load_published("crr", to=LOOPBACK), BY_LOOPBACK),
    Row("udp-up", "UDP up, 1400 bytes, best of a few paces", DATAGRAMS, _udp()),
    Row("udp-down", "UDP down, 1400 bytes, best of a few paces", DATAGRAMS, _udp("--reverse")),
    Row("udp-loss-up", "UDP up, 1400 bytes: where 1 % is first lost, and what is lost at half that pace", LOSS, _udp_loss()),
    Row("udp-loss-down", "the same, down", LOSS, _udp_loss("--reverse")),
    Row("udp-rr", "request/response by UDP, 1 byte, one socket", CONNECTIONS, _udp_requests),
    Row("udp-segments", "UDP up, 1400 bytes, many a call (UDP_SEGMENT) beside one a call", SEGMENTS, _udp_segments,
        plotted=("plain", "segments")),
    Row("first-byte", "from the start of the program to the first byte of HTTP", (("", "ms"),),
        _least(lambda place: place.first_byte())),
    Row("ready", "attaching to a namespace until ready", (("", "ms"),),
        _least(lambda place: place.ready())),
    Row("syscalls", f"system calls of the relay for a mebibyte of TCP, MTU {SMALL_MTU}", SYSTEM_CALLS, _system_calls,
        plotted=("up", "down")),
    Row("memory-idle", "the relay's memory at rest", MEMORY, _memory_idle),
    Row("memory-1000", "the relay's memory with 1000 connections", (("connections", ""), *MEMORY), _memory_held,
        plotted=("resident",)),
    Row("idle-10000", "10 000 open idle connections: memory, and request/response beside them", IDLE, _idle),
    *(Row(f"program-{program.name}", program.what, program.figures, _program(program),
          plotted=tuple(name for name, _ in program.figures)) for program in programs.PROGRAMS),
)
