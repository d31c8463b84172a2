"""Where and with what the figures were taken: without it they mean nothing."""

import os
import platform
import subprocess

_SOURCES = os.path.dirname(os.path.abspath(__file__))


def describe(programs):
    return {
        "processor": _first("/proc/cpuinfo", "model name"),
        "processors": os.cpu_count(),
        "memory_mb": int(_first("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "commit": _output(["git", "-c", "safe.directory=*", "-C", _SOURCES, "describe", "--always", "--dirty"]),
        "versions": {program: _version(program) for program in programs},
    }


def summary(machine):
    """One line for a person."""
    return (f"{machine['processors']} x {machine['processor']}, Linux {machine['kernel']}, load {machine['load']:.1f}, "
            f"commit {machine['commit'] or 'unknown'}")


def _version(program):
    """What the package says: pasta 2023 does not know its own version."""
    package = {"pasta": "passt", "nft": "nftables"}.get(program, program)
    return _output(["dpkg-query", "-W", "-f", "${Version}", package]) or _output([program, "--version"]).partition("\n")[0]


def _first(path, name):
    with open(path, encoding="utf-8") as lines:
        return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "0")


def _output(argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
