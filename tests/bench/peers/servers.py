"""The real servers of the program rows, on the lab's remote, each with files of its own; they run as the lab's ordinary user.

nginx is the lab's; the others are started by who needs them, are there when they accept, and are gone with all they had.
"""

import contextlib
import glob
import os
import random
import shutil
import signal
import tempfile
from dataclasses import dataclass

import process
from places import REMOTE

WWW = os.environ.get("LAB_WWW", "")  # nginx's, which takes PUT below UPLOADS
UPLOADS = f"{WWW}/upload"
GIT_PORT, POSTGRES_PORT, RSYNC_PORT, SSH_PORT = 8080, 5432, 8730, 2222  # of the lab's remote alone, above the privileged
START_SECONDS = 60
GIT_COMMITS, GIT_FILE_BYTES = 250, 256_000
APT_PACKAGES, APT_PACKAGE_MB = 4, 32
TREE_FILES, TREE_FILE_BYTES, TREE_LARGE_MB = 2000, 8_000, 64
SEED = 4  # random for who compresses, and the same for everybody

# contrib/install-deps.sh unpacks servers to the second, so as not to install services; nginx and sshd are found there by PATH.
_ROOTS = ("/usr", "/usr/local/lib/postern-test")


def find(program):
    """Its path, or None. Debian keeps PostgreSQL's out of PATH, or leads to them by scripts that want its configuration."""
    postgres = [folder for root in _ROOTS for folder in sorted(glob.glob(f"{root}/lib/postgresql/*/bin"), reverse=True)]
    return shutil.which(program, path=os.pathsep.join([*postgres, os.environ["PATH"]]))


@contextlib.contextmanager
def folder(within="/run/lab/tmp"):
    """For servers and clients alike, whoever they are."""
    with tempfile.TemporaryDirectory(dir=within) as path:
        os.chmod(path, 0o777)
        yield path


@dataclass(frozen=True)
class WebFolder:
    path: str

    @property
    def url(self):
        return f"http://{REMOTE}/{os.path.relpath(self.path, WWW)}"


@contextlib.contextmanager
def web_folder():
    with folder(WWW) as path:
        yield WebFolder(path)


def random_file(within, megabytes):
    path = f"{within}/random"
    source = random.Random(SEED)
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(source.randbytes(1_000_000))
    return path


def tree(path):
    """Many small files and a large one."""
    os.makedirs(path)
    source = random.Random(SEED)
    for number in range(TREE_FILES):
        with open(f"{path}/{number}", "wb") as file:
            file.write(source.randbytes(TREE_FILE_BYTES))
    random_file(path, TREE_LARGE_MB)


@contextlib.contextmanager
def _serving(argv, port, serves=lambda: True):
    """The server on the remote, from when it accepts a connection, and `serves`, until it has ended."""
    with process.Running(process.on_remote(argv)) as server:
        def ready():
            server.check()
            return process.accepts(REMOTE, port) and serves()
        process.wait_until(ready, f"{argv[0]} on the remote")
        try:
            yield
        finally:
            os.kill(server.pid, signal.SIGINT)  # at which PostgreSQL does not wait for its clients
            server.finish()


@contextlib.contextmanager
def git():
    """(the URL of a repository, its head)"""
    backend = os.path.join(os.path.dirname(os.path.abspath(__file__)), "git_http.py")
    with folder() as own:
        repository = f"{own}/repository.git"
        process.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", repository])
        # Not compressed, for that is work of the server's and not of the network.
        process.run(["git", "-C", repository, "-c", "core.compression=0", "fast-import", "--quiet"], given=_history(),
                    seconds=START_SECONDS)
        head = process.run(["git", "-C", repository, "rev-parse", "main"]).strip()
        with _serving(["python3", "-B", backend, own, str(GIT_PORT)], GIT_PORT):
            yield f"http://{REMOTE}:{GIT_PORT}/repository.git", head


def _history():
    """A stream for git-fast-import(1): a file more with each commit."""
    source, commits = random.Random(SEED), []
    for number in range(GIT_COMMITS):
        text = source.randbytes(GIT_FILE_BYTES // 2).hex()
        commits.append(f"commit refs/heads/main\ncommitter lab <lab@lab.test> {number} +0000\ndata 4\nmore\n"
                       f"M 644 inline file{number}\ndata {len(text)}\n{text}\n")
    return "".join(commits)


@dataclass(frozen=True)
class Mirror:
    folder: str
    url: str
    packages: tuple[str, ...]

    @property
    def files(self):
        return [f"{package}_1_all.deb" for package in self.packages]

    def prepare(self):
        """In the shell: the current folder's `apt` becomes all that apt-get knows of a machine, and this its only source."""
        return ("mkdir -p apt/etc/apt apt/var/lib/dpkg apt/var/lib/apt/lists/partial apt/var/cache/apt/archives/partial; "
                f"echo 'deb [trusted=yes] {self.url} ./' >apt/etc/apt/sources.list; : >apt/var/lib/dpkg/status; "
                # Its own sandbox is another user, whom a namespace of one id has not.
                """echo "Dir \"$PWD/apt\"; APT::Sandbox::User \"root\"; Acquire::Languages \"none\";" >apt/conf; """
                "export APT_CONFIG=$PWD/apt/conf; ")


@contextlib.contextmanager
def apt():
    with web_folder() as web:
        packages = tuple(f"lab-package-{number}" for number in range(APT_PACKAGES))
        for package in packages:
            _build_package(web.path, package)
        index = "apt-ftparchive packages . >Packages; apt-ftparchive release . >../Release; mv ../Release ."
        process.run(["sh", "-ec", f"cd {web.path}; {index}"], seconds=START_SECONDS, root=True)
        yield Mirror(web.path, web.url, packages)


def _build_package(within, package):
    with folder() as content:
        os.chmod(content, 0o755)  # as dpkg-deb asks
        os.mkdir(f"{content}/DEBIAN")
        with open(f"{content}/DEBIAN/control", "w", encoding="ascii") as control:
            control.write(f"Package: {package}\nVersion: 1\nArchitecture: all\nMaintainer: lab <lab@lab.test>\n"
                          "Description: much of nothing\n")
        random_file(content, APT_PACKAGE_MB)
        process.run(["dpkg-deb", "-Znone", "--build", content, f"{within}/{package}_1_all.deb"], seconds=START_SECONDS, root=True)


@contextlib.contextmanager
def postgres():
    """The options that lead a client of its own to it."""
    with folder() as own:
        process.run([find("initdb"), "--no-sync", "--username=lab", "--auth=trust", "--locale=C", "--encoding=UTF8", f"{own}/data"],
                    seconds=START_SECONDS)
        with open(f"{own}/data/pg_hba.conf", "a", encoding="ascii") as rules:
            rules.write("host all all all trust\n")
        # The disk's part of a transaction is not measured.
        settings = {"listen_addresses": "*", "port": POSTGRES_PORT, "unix_socket_directories": own, "log_min_messages": "fatal",
                    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with _serving([find("postgres"), "-D", f"{own}/data", *options], POSTGRES_PORT, lambda: _postgres_serves(f"{own}/data")):
            yield ["--host", REMOTE, "--port", str(POSTGRES_PORT), "--username", "lab"]


def _postgres_serves(data):
    """It accepts before it serves; what it is at stands in its file, as pg_ctl(1) knows too."""
    with open(f"{data}/postmaster.pid", encoding="ascii") as status:
        return status.read().rstrip().endswith("ready")


@contextlib.contextmanager
def ssh():
    """The command, in words of the shell, that runs what follows on the remote."""
    with folder() as own:
        for key in ("host", "client"):
            process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{own}/{key}"])
        with open(f"{own}/host.pub", encoding="ascii") as key, open(f"{own}/known_hosts", "w", encoding="ascii") as known:
            known.write(f"[{REMOTE}]:{SSH_PORT} {key.read()}")
        # No StrictModes: the folder is everybody's. No PAM, and no other user to become: sshd is the one who logs in.
        settings = {"HostKey": f"{own}/host", "AuthorizedKeysFile": f"{own}/client.pub", "StrictModes": "no", "UsePAM": "no",
                    "PidFile": "none", "Port": SSH_PORT}
        options = [f"-o{name}={value}" for name, value in settings.items()]
        with _serving([find("sshd"), "-D", "-e", "-q", "-f", "/dev/null", *options], SSH_PORT):
            # The cipher that costs a processor with AES the least.
            yield (f"ssh -F none -i {own}/client -p {SSH_PORT} -c aes128-gcm@openssh.com -o BatchMode=yes "
                   f"-o UserKnownHostsFile={own}/known_hosts -o StrictHostKeyChecking=yes lab@{REMOTE}")


@contextlib.contextmanager
def rsync():
    """(the URL of its module, the folder that this is)"""
    with folder() as own:
        shared, configuration = f"{own}/shared", f"{own}/rsyncd.conf"
        os.mkdir(shared)
        os.chmod(shared, 0o777)
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"use chroot = no\nread only = no\nlog file = /dev/null\n[shared]\npath = {shared}\n")
        with _serving(["rsync", "--daemon", "--no-detach", f"--config={configuration}", f"--port={RSYNC_PORT}"], RSYNC_PORT):
            yield f"rsync://{REMOTE}:{RSYNC_PORT}/shared", shared
