"""What iperf3 says, as figures. Pure: text in, numbers out."""

import json


class IperfError(Exception):
    """iperf3 ran, and says that it failed."""


def _report(text):
    try:
        report = json.loads(text)
    except ValueError as problem:
        raise IperfError(f"iperf3 printed no JSON: {text[:200]!r}") from problem
    if "error" in report:
        raise IperfError(report["error"])
    return report["end"]


def _gigabits(summary):
    return summary["bits_per_second"] / 1e9


def tcp(text):
    """Gbit/s that reached the receiver, whichever end that is."""
    return _gigabits(_report(text)["sum_received"])


def mebibytes(text):
    """How many reached the receiver."""
    return _report(text)["sum_received"]["bytes"] / 2**20


def tcp_both_ways(text):
    """Gbit/s of a --bidir run as (from the client, to the client)."""
    end = _report(text)
    return _gigabits(end["sum_received"]), _gigabits(end["sum_received_bidir_reverse"])


def fairness(text):
    """Jain's index of what each stream received: 1 when all got the same, 1/n when one got all (Jain, DEC-TR-301, 1984)."""
    rates = [stream["receiver"]["bits_per_second"] for stream in _report(text)["streams"]]
    squares = sum(rate * rate for rate in rates)
    return sum(rates) ** 2 / (len(rates) * squares) if squares else 0.0


def udp(text):
    """(Gbit/s that reached the receiver, part of what was sent that did not, 0 to 1); for iperf3 >= 3.12."""
    received = _report(text)["sum_received"]
    if received["packets"] == 0:
        return 0.0, 1.0
    return _gigabits(received), received["lost_packets"] / received["packets"]


def udp_loss(text):
    """(Gbit/s that were sent, datagrams that the receiver knows of, those of them that it did not get); for iperf3 >= 3.12."""
    end = _report(text)
    return _gigabits(end["sum_sent"]), end["sum_received"]["packets"], end["sum_received"]["lost_packets"]


def udp_overflows(snmp):
    """Of /proc/net/snmp: datagrams that found their socket's buffer full."""
    names, numbers = (line.split()[1:] for line in snmp.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, numbers))["RcvbufErrors"])
