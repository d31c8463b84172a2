"""How many system calls a process makes meanwhile: perf(1) where it works, else strace(1); only root may look into a relay.

perf counts at the kernel's own trace point and the relay does not feel it. strace stops the relay twice a call, some 15 us each
time: it then finds more to do at once and makes fewer calls for a mebibyte than it would.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile

import process

_EVENT = "raw_syscalls:sys_enter"


class Count:
    """`total` is there after the `with`."""

    total = None


def lacks():
    """Why nothing can be counted, or ''."""
    if not process.is_root():
        return "counting another's system calls needs root"
    return "" if _perf_works() or shutil.which("strace") else "strace is not installed, and perf does not work"


@contextlib.contextmanager
def counted(pid):
    count = Count()
    with tempfile.TemporaryDirectory() as folder:
        report = f"{folder}/report"
        with _by_perf(pid, report) if _perf_works() else _by_strace(pid, report):
            yield count
        with open(report, encoding="utf-8") as text:
            count.total = total(text.read())


def total(report):
    """The number in the report of `perf stat -x,` or of `strace -c`. Pure."""
    for line in report.splitlines():
        number = ""
        if _EVENT in line:
            number = line.split(",")[0]  # or "<not counted>"
        elif line.endswith(" total"):
            number = line.split()[3]  # % time, seconds, usecs/call, calls
        if number.isdigit():
            return int(number)
    raise process.Failed("the system calls were not counted")


def _perf_works():
    """It needs tracefs, and on some systems a package that matches the kernel."""
    try:
        return subprocess.run(["perf", "stat", "-e", _EVENT, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def _by_perf(pid, report):
    """perf counts as long as the command runs that it is given: cat, until its input ends."""
    perf = ["perf", "stat", "-x", ",", "-e", _EVENT, "-p", str(pid), "-o", report, "--", "sh", "-c", "echo counting; exec cat"]
    with process.Running(perf, root=True) as counter:
        counter.read_line()
        yield
        counter.finish()


@contextlib.contextmanager
def _by_strace(pid, report):
    with process.Running(["strace", "-c", "-f", "-o", report, "-p", str(pid)], root=True) as tracer:
        process.wait_until(lambda: _is_traced(pid), "strace at the relay")
        yield
        os.kill(tracer.pid, signal.SIGINT)
        tracer.finish()


def _is_traced(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in status)
