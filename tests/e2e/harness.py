# SPDX-License-Identifier: ISC
"""Runs the real packetboatd the way systemd does, with a configuration made for the test.

It is ready when READY=1 arrives on the test's own NOTIFY_SOCKET; ports are read from its log, for
every listener is told to take a free one. Nothing here sleeps and hopes; the time-outs are ceilings
for a machine that is very busy. A daemon that leaves a sanitizer's report, an exit status other
than 0, or a password in its log fails the test.

PACKETBOAT_BUILD names the build folder (default: build). As root the daemon is started as nobody,
since it refuses to be root.

    class SomeTest(DaemonTest):
        def test_a_message_arrives(self):
            imap = self.start_imap([b"Subject: x\\r\\n\\r\\nhello\\r\\n"])
            self.start_daemon([self.account(imap)])
            client = self.log_in()
            ...
"""

import atexit
import base64
import hashlib
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
from typing import NamedTuple

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)
for _folder in (TESTS, os.path.join(TESTS, "certs"), os.path.join(TESTS, "e2e")):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)

import make_certs  # noqa: E402  pylint: disable=wrong-import-position
from daemon_log import (  # noqa: E402,F401  pylint: disable=wrong-import-position
    CEILING, Log, LogLine, parse_log_line)
from outlook import Options, Server, Store  # noqa: E402  pylint: disable=wrong-import-position
from pop3 import Pop3  # noqa: E402  pylint: disable=wrong-import-position

_NOBODY = pwd.getpwnam("nobody")
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                     "SUMMARY: UndefinedBehaviorSanitizer", "ThreadSanitizer")


def build_folder():
    return os.path.abspath(os.environ.get("PACKETBOAT_BUILD", os.path.join(ROOT, "build")))


def give_away(path):
    """Makes a file, or a folder and what is in it, the daemon's, when that is not us."""
    if os.geteuid() != 0:
        return
    os.chown(path, _NOBODY.pw_uid, _NOBODY.pw_gid)
    for folder, _, files in os.walk(path):
        for name in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(name, _NOBODY.pw_uid, _NOBODY.pw_gid)


def scrypt(password, cost=10):
    """A hash in PHC form, as `packetboat passwd` makes them; cheap, for tests."""
    salt = os.urandom(16)
    octets = hashlib.scrypt(password.encode("utf-8"), salt=salt, n=1 << cost, r=8, p=1, dklen=32,
                            maxmem=1 << 27)

    def coded(one):
        return base64.b64encode(one).decode().rstrip("=")

    return f"$scrypt$ln={cost},r=8,p=1${coded(salt)}${coded(octets)}"


def eventually(question, what, timeout=CEILING):
    """Asks until the answer is true; for what happens without telling anybody."""
    deadline = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout} s: {what}")
        time.sleep(0.01)


class Shared:
    """What all tests of one process share: the daemon's program, and certificates."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="packetboat-shared-")
        os.chmod(self.folder, 0o755)
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self._programs = {}
        self._ca = None
        self._certificates = {}

    def program(self, build):
        """packetboatd where the unprivileged user can reach it, wherever the build is."""
        source = os.path.join(build, "daemon", "packetboatd")
        if os.geteuid() != 0:
            return source
        if source not in self._programs:
            copy = os.path.join(self.folder, f"packetboatd-{len(self._programs)}")
            shutil.copy(source, copy)
            self._programs[source] = copy
        return self._programs[source]

    @property
    def ca(self):
        if self._ca is None:
            self._ca = make_certs.make_ca(self.folder)
            give_away(self.folder)
        return self._ca

    def certificate(self, file="valid", ca=None, **arguments):
        """A certificate of make_certs.make_cert(), made once for each `file`."""
        if file not in self._certificates:
            self._certificates[file] = make_certs.make_cert(ca or self.ca, self.folder, file=file,
                                                            **arguments)
            give_away(self.folder)
        return self._certificates[file]

    def client_context(self):
        return ssl.create_default_context(cafile=self.ca.certificate)


SHARED = Shared()


# The configuration.

def to_libconfig(value, indent=0):
    """A Python value in libconfig's syntax: dict, list, str, bool, int."""
    tabs = "\t" * (indent + 1)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        inner = "".join(f"{tabs}{key} = {to_libconfig(one, indent + 1)};\n"
                        for key, one in value.items())
        return "{\n" + inner + "\t" * indent + "}"
    inner = ",\n".join(tabs + to_libconfig(one, indent + 1) for one in value)
    return "(\n" + inner + "\n" + "\t" * indent + ")"


def configuration(settings):
    """A setting that is None is left out."""
    return "".join(f"{key} = {to_libconfig(value)};\n" for key, value in settings.items()
                   if value is not None)


# The daemon.

# Puts the socket where systemd does (sd_listen_fds(3)): fd 3, and our own pid in LISTEN_PID.
_ACTIVATE = """
import os, sys
fd = int(sys.argv[1])
if fd != 3:
    os.dup2(fd, 3)
    os.close(fd)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Listener(NamedTuple):
    address: str
    port: int
    tls: str


class Daemon:
    """One packetboatd. `folder` is its own; `settings` a dict, or the configuration's text;
    `wrapper` a command that ends in running another, `prlimit --nofile=80` for instance."""

    def __init__(self, folder, settings, build=None, environment=None, wrapper=()):
        self.folder = folder
        self.build = build or build_folder()
        self.configuration_file = os.path.join(folder, "packetboat.conf")
        # Where it is unless the configuration says otherwise.
        self.control_socket = os.path.join(folder, "run", "control.sock")
        self.log = None
        self.process = None
        self.status = None
        self._wrapper = list(wrapper)
        self._environment = dict(environment or {})
        self._notify = None
        self.notifications = []
        # Before each start it is given what is in its folder.
        self.owns_its_folder = True
        self.write_configuration(settings)

    def write_configuration(self, settings):
        text = settings if isinstance(settings, str) else configuration(settings)
        with open(self.configuration_file, "w", encoding="utf-8") as file:
            file.write(text)
        # There are hashes of passwords in it.
        os.chmod(self.configuration_file, 0o600)

    @staticmethod
    def as_unprivileged(command):
        if os.geteuid() != 0:
            return command
        return ["setpriv", "--reuid", str(_NOBODY.pw_uid), "--regid", str(_NOBODY.pw_gid),
                "--clear-groups", "--pdeathsig", "KILL", *command]

    def environment(self):
        """Nothing of ours that would change what the daemon does, and no NOTIFY_SOCKET yet."""
        kept = {key: value for key, value in os.environ.items()
                if key not in ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
                               "JOURNAL_STREAM", "STATE_DIRECTORY", "RUNTIME_DIRECTORY",
                               "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC")}
        kept["UBSAN_OPTIONS"] = "print_stacktrace=1"
        # So that memory is measured rather than AddressSanitizer's store of freed blocks.
        kept["ASAN_OPTIONS"] = "quarantine_size_mb=1"
        kept["LC_ALL"] = "C.UTF-8"
        kept.update(self._environment)
        return kept

    def launch(self, activated=None):
        """Starts it (again) and returns at once. `activated`: a listening socket to hand over."""
        self.status = None
        self.notifications = []
        if self.owns_its_folder:
            give_away(self.folder)
        command = [*self._wrapper, *self.as_unprivileged(
            [SHARED.program(self.build), "-c", self.configuration_file])]
        descriptors = ()
        if activated is not None:
            descriptors = (activated.fileno(),)
            command = [sys.executable, "-c", _ACTIVATE, str(descriptors[0]), *command]
        path = os.path.join(self.folder, "notify")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(path)
        os.chmod(path, 0o777)
        self.process = subprocess.Popen(
            command, pass_fds=descriptors, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, cwd=self.folder,
            env={**self.environment(), "NOTIFY_SOCKET": path})
        self.log = Log(self.process.stderr)
        return self

    def start(self, activated=None):
        """Starts it and waits until it says that it is ready."""
        self.launch(activated)
        self.wait_notification("READY=1")
        self.log.wait("ready")
        return self

    def wait_notification(self, wanted, timeout=CEILING):
        """Waits for a datagram that holds the line `wanted`."""
        deadline = time.monotonic() + timeout
        self._notify.settimeout(0.05)
        while not any(wanted in one.split("\n") for one in self.notifications):
            try:
                self.notifications.append(self._notify.recv(4096).decode())
                continue
            except socket.timeout:
                pass
            if self.process.poll() is not None:
                self.log.join()
                raise AssertionError(f"packetboatd ended with {self.process.returncode}:\n"
                                     f"{self.log.text()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"no {wanted} within {timeout} s:\n{self.log.text()}")

    def listeners(self):
        return [Listener(line.fields["address"], int(line.fields["port"]), line.fields["tls"])
                for line in self.log.lines("listening")]

    def port(self, tls="none", address=None):
        for listener in self.listeners():
            if listener.tls == tls and address in (None, listener.address):
                return listener.port
        raise AssertionError(f"no listener with tls={tls}: {self.listeners()}")

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=CEILING):
        """Its exit status, when it has ended by itself."""
        self.status = self.process.wait(timeout)
        self.log.join()
        if self._notify is not None:
            self._notify.close()
            self._notify = None
            os.unlink(os.path.join(self.folder, "notify"))
        return self.status

    def stop(self):
        """Asks it to stop; its exit status. Harmless when it has stopped already."""
        if self.process is None or self.status is not None:
            return self.status
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.wait()
            raise AssertionError("packetboatd did not stop") from None

    def kill(self):
        """As a power cut does."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def memory_kb(self, key="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        raise AssertionError(f"no {key}")

    def open_descriptors(self):
        """How many; None where only root may know, for the daemon keeps debuggers out."""
        try:
            return len(os.listdir(f"/proc/{self.process.pid}/fd"))
        except PermissionError:
            return None

    def complaints(self, secrets=()):
        """What is wrong with a daemon that has stopped, as sentences."""
        text = self.log.text() if self.log is not None else ""
        found = [f"a sanitizer's report: {one}" for one in SANITIZER_REPORTS if one in text]
        for secret in secrets:
            octets = secret if isinstance(secret, bytes) else secret.encode("utf-8")
            shapes = (octets.decode("latin-1"), octets.decode("utf-8", "backslashreplace"),
                      base64.b64encode(octets).decode())
            if any(shape and shape in text for shape in shapes):
                found.append(f"a secret is in the log: {secret!r}")
        return found


class DaemonTest(unittest.TestCase):
    """A test with IMAP servers and daemons of its own, stopped and examined at its end."""

    USER = "ada@example.org"
    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="packetboat-test-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.password = f"s3cret-{os.urandom(4).hex()}"
        self.secrets = {self.password}
        # UIDs that this test deletes: nothing else may be touched in the name of deletion.
        self.deleted = set()
        # UIDs that are not given to a peek: nothing else may be fetched without one.
        self.unpeeked = set()
        self.servers = []
        self.daemons = []
        self.clients = []
        self.daemon = None
        self.imap = None
        self.inbox = None
        self.addCleanup(self._end)

    def run(self, result=None):
        self.servers, self.daemons = [], []
        before = 0 if result is None else len(result.failures) + len(result.errors)
        super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            self._dump()

    def _dump(self):
        print(f"\n--- {self.id()}", file=sys.stderr)
        for server in self.servers:
            for entry in server.journal.entries()[-200:]:
                print(f"imap {entry.connection}: {entry.text[:500]}", file=sys.stderr)
        for daemon in self.daemons:
            if daemon.log is not None:
                print(daemon.log.text()[-20000:], file=sys.stderr)
        sys.stderr.flush()

    def stop(self):
        """Stops the daemon, behind the test's own clients."""
        for client in self.clients:
            client.close()
        self.clients.clear()
        return self.daemon.stop()

    def _end(self):
        complaints = []
        for client in self.clients:
            client.close()
        for daemon in self.daemons:
            expected = daemon.status is not None   # the test has looked at it
            try:
                status = daemon.stop()
            except AssertionError as error:
                complaints.append(str(error))
                continue
            if not expected and status not in (0, None):
                complaints.append(f"packetboatd ended with {status}")
            complaints += daemon.complaints(self.secrets)
        for server in self.servers:
            server.stop()
            complaints += [f"the IMAP server broke: {crash!r}" for crash in server.crashes]
            complaints += server.journal.breaches(self.deleted, self.unpeeked)
        if complaints:
            self.fail("\n".join(complaints))

    # What a test is made of.

    def start_imap(self, messages=(), tls="implicit", certificate="valid", address="127.0.0.1",
                   user=None, password=None, store=None, identity=None, **options):
        """An IMAP server with one user; `messages` go into its INBOX (octets, or objects). In a
        `store` of the test's own nobody is added who has an account there."""
        store = store or Store()
        user = user or self.USER
        account = store.find_account(user) or store.add_user(user, password or self.password)
        inbox = account.inbox
        for message in messages:
            inbox.append(message)
        pair = SHARED.certificate(certificate) if tls != "none" else (None, None)
        server = Server(store, Options(**options), *pair, tls=tls, address=address,
                        identity=identity).start()
        self.servers.append(server)
        if self.imap is None:
            self.imap, self.inbox = server, inbox
        return server

    def account(self, server=None, **settings):
        """A passthrough account for everybody at an IMAP server; keyword arguments override, and
        those in `imap` one by one."""
        server = server or self.imap
        where = {"host": server.address, "port": server.port, "tls": server.tls}
        if server.tls != "none":
            where["ca_file"] = SHARED.ca.certificate
        where.update(settings.pop("imap", {}))
        return {"user": "*", "auth": "passthrough", "imap": where, **settings}

    def start_daemon(self, accounts=None, ready=True, activated=None, environment=None,
                     wrapper=(), **settings):
        """A daemon with one plain listener, if `listeners` does not say otherwise."""
        folder = tempfile.mkdtemp(prefix="daemon-", dir=self.folder)
        os.chmod(folder, 0o755)
        for name in ("state", "run"):
            os.mkdir(os.path.join(folder, name), 0o700)
        settings.setdefault("listeners", [{"address": "127.0.0.1", "port": 0}])
        settings.setdefault("log", {"level": "debug"})
        settings["limits"] = {"drain": 2, "logins_per_minute": 10000, **settings.get("limits", {})}
        settings = {"state_directory": os.path.join(folder, "state"),
                    "runtime_directory": os.path.join(folder, "run"), **settings,
                    "accounts": accounts if accounts is not None else [self.account()]}
        daemon = Daemon(folder, settings, environment=environment, wrapper=wrapper)
        self.daemons.append(daemon)
        self.daemon = daemon
        return daemon.start(activated) if ready else daemon.launch(activated)

    def reload(self, changes, event="reloaded"):
        """Replaces pieces of the configuration's text, and waits for what SIGHUP comes to."""
        with open(self.daemon.configuration_file, encoding="utf-8") as file:
            text = file.read()
        for before, after in changes.items():
            self.assertIn(before, text)
            text = text.replace(before, after)
        self.daemon.write_configuration(text)
        count = len(self.daemon.log.lines(event)) + 1
        self.daemon.signal(signal.SIGHUP)
        return self.daemon.log.wait(event, count=count)

    @staticmethod
    def server_tls():
        """`tls` of a configuration."""
        pair = SHARED.certificate()
        return {"certificate": pair.certificate, "private_key": pair.private_key}

    def connect(self, tls="none", context=None, **arguments):
        """A connection to the daemon's first listener of that kind, greeting read."""
        if tls == "implicit" and context is None:
            context = SHARED.client_context()
        address = arguments.pop("address", None)
        port = self.daemon.port(tls, address)
        client = Pop3(address or "127.0.0.1", port, context=context, **arguments)
        self.clients.append(client)
        return client

    def log_in(self, user=None, password=None, **arguments):
        """A connection that is in TRANSACTION."""
        client = self.connect(**arguments)
        self.assert_ok(client.log_in(user or self.USER, password or self.password))
        return client

    def assert_ok(self, reply):
        self.assertTrue(reply.ok, reply)
        return reply

    def assert_err(self, reply, code=None):
        self.assertTrue(reply.startswith("-ERR"), reply)
        self.assertEqual(reply.code, code, reply)
        return reply

    def assert_ended(self, client, remains=b""):
        """The daemon has closed the connection, with these last words at most."""
        self.assertEqual(client.rest(), remains)

    def quit(self, client):
        reply = client.command("QUIT")
        client.close()
        return reply


def main():
    unittest.main(verbosity=2)
