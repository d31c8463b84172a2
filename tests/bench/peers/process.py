"""Start, wait for and end processes, as root or as the lab's ordinary user, on either host of the lab."""

import json
import os
import select
import socket
import subprocess
import time

USER_ID = 4000  # the lab's spare user, tests/support/topology.h
USER_FOLDERS = {"HOME": "/run/lab/home", "XDG_RUNTIME_DIR": "/run/user/4000", "USER": "lab", "LOGNAME": "lab"}
PATIENCE_SECONDS = 10


class Failed(Exception):
    """A program of a measurement failed; the text is for the table."""


def is_root():
    return os.geteuid() == 0


def _speaker(argv):
    """The program that a failure is told of, not the one that leads to it."""
    return argv[argv.index("--") + 1] if argv[0] in ("nsenter", "postern-lab") else argv[0]


def _as_user():
    if not is_root():
        return {}
    return {"user": USER_ID, "group": USER_ID, "extra_groups": [USER_ID], "env": {**os.environ, **USER_FOLDERS}}


class Running:
    """A process that is killed and reaped at the end of its `with`."""

    def __init__(self, argv, *, root=False, pass_fds=()):
        self.argv = argv
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=pass_fds,
            cwd="/", **({} if root else _as_user()))
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        self._process.wait()

    def tell(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def read_line(self, seconds=PATIENCE_SECONDS):
        """The next line of its output; fails if it ends or stays silent."""
        if not _readable(self._process.stdout, seconds):
            raise Failed(f"{_speaker(self.argv)}: silent for {seconds} s")
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"{_speaker(self.argv)}: {last_line(self._process.stderr.read()) or 'ended early'}")
        return line.rstrip("\n")

    def finish(self):
        """Ends its input and waits until it is done of its own accord."""
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{_speaker(self.argv)}: not done after {PATIENCE_SECONDS} s") from late

    def check(self):
        if self._process.poll() is not None:
            raise Failed(f"{_speaker(self.argv)}: {last_line(self._process.stderr.read()) or 'ended early'}")


class ReadyPipe:
    """The descriptor that a relay writes to when the network works (--ready-fd)."""

    def __init__(self):
        self._reading, self.writing = os.pipe()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._reading)
        if self.writing is not None:
            os.close(self.writing)

    def wait(self, relay):
        os.close(self.writing)
        self.writing = None
        if not _readable(self._reading) or not os.read(self._reading, 1):
            relay.check()
            raise Failed(f"{relay.argv[0]}: never became ready")


def _readable(pipe, seconds=PATIENCE_SECONDS):
    return bool(select.select([pipe], [], [], seconds)[0])


def run(argv, *, root=False, seconds=PATIENCE_SECONDS, given=None):
    """Its standard output; its last words as a failure when it fails."""
    try:
        done = subprocess.run(argv, input=given, stdin=None if given else subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False, cwd="/", **({} if root else _as_user()))
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{_speaker(argv)}: not done after {seconds} s") from late
    if done.returncode != 0:
        # iperf3 --json puts its complaint into its output.
        raise Failed(f"{_speaker(argv)}: {last_line(done.stderr) or _json_error(done.stdout) or f'status {done.returncode}'}")
    return done.stdout


def on_remote(argv):
    """The command that runs `argv` on the lab's remote."""
    return ["postern-lab", "--enter", "remote", "--", *argv]


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def _json_error(text):
    try:
        return json.loads(text).get("error", "")
    except ValueError:
        return ""


def wait_until(condition, what):
    """Polls: for what no descriptor tells (another process's listening socket)."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(0.002)


def listens(pid, port):
    """Whether somebody listens on that TCP port in the network namespace of `pid`, proc(5)."""
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as sockets:
            if any(fields[3] == "0A" and fields[1].endswith(f":{port:04X}") for fields in map(str.split, sockets)):
                return True
    return False


def accepts(address, port):
    """Whether somebody takes a TCP connection there: for servers whose namespaces we do not stand in."""
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _children(pid):
    """Of every thread: a Go program forks from any."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
            found += [int(child) for child in children.read().split()]
    return found


def innermost_child(pid):
    """The last of a chain of processes: what a relay's command became, in whichever namespaces it stands."""
    below = _children(pid)
    return innermost_child(below[0]) if below else pid


def descendant_named(pid, name):
    """Where a program has children of its own beside the command; None: there is no such process."""
    with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
        if comm.read().strip() == name:
            return pid
    return next((found for child in _children(pid) if (found := descendant_named(child, name))), None)


def processor_seconds(pid):
    """User and system time of a process so far, proc(5)."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        after_name = stat.read().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def number_in(path):
    with open(path, encoding="ascii") as file:
        return int(file.read())


def memory_mb(pid):
    """(resident, proportional) MB of one process, proc(5); proportional is None where it may not be read."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        resident = _megabytes(status, "VmRSS:")
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            return resident, _megabytes(rollup, "Pss:")
    except PermissionError:
        return resident, None


def _megabytes(lines, name):
    """10^6 bytes; proc(5) counts in 1024."""
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6
