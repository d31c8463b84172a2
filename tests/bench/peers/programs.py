"""Programs that people use, a client in the namespace against a real server on the remote: what they get of a network, all in all.

Each is given work of its own kind until the run is over, and what arrived is checked after every go, apart from what is timed.
"""

import filecmp
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import process
import servers
from places import REMOTE

PATIENCE_SECONDS = 120  # for one go: pasta carries some 40 MB/s at MTU 1500
FILE_MB = 256           # 10^6 bytes, as MB/s are
WRK_CONNECTIONS = "50"
PGBENCH_CLIENTS, PGBENCH_BRANCHES = "8", "10"  # each transaction locks a branch of its bank: with fewer they wait for one another
# Every amount of pgbench's own transaction is booked four times; where the sums differ this divides by zero, and pgbench fails.
PGBENCH_BALANCE = """SELECT 1 / (count(DISTINCT total) = 1)::int FROM (
  SELECT sum(abalance) AS total FROM pgbench_accounts UNION ALL SELECT sum(bbalance) FROM pgbench_branches UNION ALL
  SELECT sum(tbalance) FROM pgbench_tellers UNION ALL SELECT sum(delta) FROM pgbench_history) AS booked;
"""


@dataclass(frozen=True)
class Program:
    name: str
    what: str
    figures: tuple[tuple[str, str], ...]  # as a row's
    needs: tuple[tuple[str, str], ...]  # (program, its package of Debian)
    measure: Callable  # (inside, settings) -> {figure name: number}

    def lacks(self):
        """Why it cannot be measured here, or ''."""
        missing = {program: package for program, package in self.needs if not servers.find(program)}
        return "; ".join(f"{program} is not installed (Debian: {package})" for program, package in missing.items())


def _seconds_of(settings, work, check):
    """The median of as many goes as begin within the run."""
    taken, end = [], time.monotonic() + settings.seconds
    while not taken or time.monotonic() < end:
        start = time.monotonic()
        work()
        taken.append(time.monotonic() - start)
        check()
    return median(taken)


def _must(right, what):
    if not right:
        raise process.Failed(what)


def _must_be_same(sent, arrived):
    """And takes the copy away, for the next go."""
    _must(filecmp.cmp(sent, arrived, shallow=False), "what arrived is not what was sent")
    os.remove(arrived)


def _megabytes_per_second(inside, settings, argv, sent, arrived):
    def work():
        inside.run(argv, seconds=PATIENCE_SECONDS)
    return FILE_MB / _seconds_of(settings, work, lambda: _must_be_same(sent, arrived))


def _curl(inside, settings):
    with servers.web_folder() as folder, servers.folder() as own:
        sent, fetched = servers.random_file(folder.path, FILE_MB), f"{own}/fetched"
        put = f"{servers.UPLOADS}/{os.path.basename(folder.path)}"
        curl = ["curl", "--silent", "--show-error", "--fail"]
        down = [*curl, "--output", fetched, f"{folder.url}/{os.path.basename(sent)}"]
        up = [*curl, "--upload-file", sent, f"http://{REMOTE}/{os.path.relpath(put, servers.WWW)}"]
        return {"down": _megabytes_per_second(inside, settings, down, sent, fetched),
                "up": _megabytes_per_second(inside, settings, up, sent, put)}


def _git(inside, settings):
    with servers.git() as (url, head), servers.folder() as own:
        copy = f"{own}/copy"

        def work():
            # The history alone: writing the files is the disk's.
            inside.run(["git", "clone", "--quiet", "--no-checkout", url, copy], seconds=PATIENCE_SECONDS)

        def check():
            inside.run(["git", "-C", copy, "fsck", "--full", "--strict"], seconds=PATIENCE_SECONDS)
            _must(inside.run(["git", "-C", copy, "rev-parse", "HEAD"]).strip() == head, "git: another head arrived")
            shutil.rmtree(copy)
        return {"": _seconds_of(settings, work, check)}


def _apt(inside, settings):
    with servers.apt() as mirror, servers.folder() as own:
        def work():
            fetch = f"apt-get update -q; apt-get download -q {' '.join(mirror.packages)}"
            inside.run(["sh", "-ec", f"cd {own}; {mirror.prepare()} {fetch}"], seconds=PATIENCE_SECONDS)

        def check():
            for name in mirror.files:
                _must_be_same(f"{mirror.folder}/{name}", f"{own}/{name}")
            shutil.rmtree(f"{own}/apt")
        return {"": _seconds_of(settings, work, check)}


def _wrk(inside, settings):
    """Of the lab's own nginx and its page of one line."""
    client = ["wrk", "--threads", "2", "--connections", WRK_CONNECTIONS, "--duration", f"{settings.seconds}s", f"http://{REMOTE}/"]
    return {"": wrk_requests_per_second(inside.run(client, seconds=settings.seconds + PATIENCE_SECONDS))}


def _pgbench(inside, settings):
    with servers.postgres() as options, servers.folder() as own:
        def pgbench(*more):
            return inside.run([servers.find("pgbench"), *options, *more, "postgres"], seconds=settings.seconds + PATIENCE_SECONDS)
        pgbench("--initialize", "--quiet", "--scale", PGBENCH_BRANCHES)
        said = pgbench("--client", PGBENCH_CLIENTS, "--jobs", "2", "--time", str(settings.seconds))
        script = f"{own}/balance.sql"
        with open(script, "w", encoding="ascii") as file:
            file.write(PGBENCH_BALANCE)
        pgbench("--no-vacuum", "--transactions", "1", "--file", script)
        return {"": pgbench_transactions_per_second(said)}


def _ssh(inside, settings):
    with servers.ssh() as ssh, servers.folder() as own:
        sent, arrived = servers.random_file(own, FILE_MB), f"{own}/arrived"
        down = ["sh", "-ec", f"{ssh} cat {sent} >{arrived}"]
        up = ["sh", "-ec", f"{ssh} 'cat >{arrived}' <{sent}"]
        return {"down": _megabytes_per_second(inside, settings, down, sent, arrived),
                "up": _megabytes_per_second(inside, settings, up, sent, arrived)}


def _rsync(inside, settings):
    with servers.rsync() as (url, shared), servers.folder() as own:
        servers.tree(f"{shared}/tree")
        down = _rsync_seconds(inside, settings, [f"{url}/tree/", f"{own}/copy/"], f"{own}/copy")
        servers.tree(f"{own}/tree")
        return {"down": down, "up": _rsync_seconds(inside, settings, [f"{own}/tree/", f"{url}/copy/"], f"{shared}/copy")}


def _rsync_seconds(inside, settings, ends, copy):
    """From the first of `ends` to the second, which is `copy` and new in each go: there is nothing to compare it with."""
    rsync = ["rsync", "--recursive", "--times"]

    def work():
        inside.run([*rsync, *ends], seconds=PATIENCE_SECONDS)

    def check():
        different = inside.run([*rsync, "--checksum", "--dry-run", "--itemize-changes", *ends], seconds=PATIENCE_SECONDS)
        _must(not different, f"rsync: not what was sent: {process.last_line(different)}")
        shutil.rmtree(copy)
    return _seconds_of(settings, work, check)


def wrk_requests_per_second(text):
    """Fails where one was not answered, or not as asked: wrk tells of either only when there are some."""
    for trouble in ("Socket errors", "Non-2xx"):
        if line := re.search(f"{trouble}.*", text):
            raise process.Failed(f"wrk: {line[0]}")
    return _number_after(r"Requests/sec:\s*", text, "wrk")


def pgbench_transactions_per_second(text):
    """Without the time that connecting takes."""
    if (failed := re.search(r"number of failed transactions: (\d+)", text)) and failed[1] != "0":  # told since PostgreSQL 15
        raise process.Failed(f"pgbench: {failed[0]}")
    return _number_after("tps = ", text, "pgbench")


def _number_after(pattern, text, program):
    if found := re.search(rf"{pattern}([\d.]+)", text):
        return float(found[1])
    raise process.Failed(f"{program} gave no figure: {process.last_line(text)}")


_MEGABYTES = (("down", "MB/s"), ("up", "MB/s"))
_PER_SECOND = (("", "/s"),)
_SECONDS = (("", "s"),)

PROGRAMS = (
    Program("curl", f"curl: {FILE_MB} MB from nginx, and to it", _MEGABYTES, (("curl", "curl"),), _curl),
    Program("git", f"git clone over HTTP: {servers.GIT_COMMITS} commits, 64 MB", _SECONDS, (("git", "git"),), _git),
    Program("apt", f"apt-get update and download: {servers.APT_PACKAGES} packages, 128 MB", _SECONDS,
            (("apt-get", "apt"), ("dpkg-deb", "dpkg"), ("apt-ftparchive", "apt-utils")), _apt),
    Program("wrk", f"wrk: requests of a page on {WRK_CONNECTIONS} connections", _PER_SECOND, (("wrk", "wrk"),), _wrk),
    Program("pgbench", f"pgbench: transactions of {PGBENCH_CLIENTS} clients at PostgreSQL", _PER_SECOND,
            tuple((program, "postgresql-15") for program in ("postgres", "initdb", "pgbench")), _pgbench),
    Program("ssh", f"ssh: {FILE_MB} MB out of cat, and into it", _MEGABYTES,
            (("ssh", "openssh-client"), ("ssh-keygen", "openssh-client"), ("sshd", "openssh-server")), _ssh),
    Program("rsync", f"rsync from and to its daemon: {servers.TREE_FILES} small files and one of 64 MB",
            (("down", "s"), ("up", "s")), (("rsync", "rsync"),), _rsync),
)
