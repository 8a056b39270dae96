# SPDX-License-Identifier: ISC
"""What the tests of suite `real` share: Dovecot as the IMAP server, and packetboatd before it.

One Dovecot and one daemon serve all tests of a class; every test has a user, that is a mailbox, of
its own. A part that is not installed is named, and its tests are skipped; where CI is set in the
environment they fail instead, so that nothing is skipped unnoticed.

With PACKETBOAT_FRONT=dovecot in the environment Dovecot's own POP3 over imapc stands in for
packetboatd, which tells the habits of a client from faults of ours.
"""

import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

_TESTS = pathlib.Path(__file__).resolve().parent.parent
for _folder in (_TESTS / "e2e", _TESTS / "certs", _TESTS):
    sys.path.insert(0, str(_folder))

import dovecot  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position
from clients import Target  # noqa: E402  pylint: disable=wrong-import-position
from messages import as_retrieved  # noqa: E402  pylint: disable=wrong-import-position
from pop3 import Pop3  # noqa: E402  pylint: disable=wrong-import-position

REFERENCE = os.environ.get("PACKETBOAT_FRONT") == "dovecot"
USERS = {f"user{number:02}": f"pass word {number}" for number in range(60)}
_BARE_LF = re.compile(rb"(?<!\r)\n")


def as_served(octets):
    """What Dovecot's IMAP makes of a message that was put into the Maildir octet for octet: line
    ends become CRLF, and NUL, which a literal may not hold (RFC 3501 section 4.3), becomes 0x80."""
    return _BARE_LF.sub(b"\r\n", octets.replace(b"\0", b"\x80"))


def lacking(test, what):
    """Ends a test for want of something that must be installed."""
    if os.environ.get("CI"):
        test.fail(f"not installed: {what}")
    test.skipTest(f"not installed: {what}")


class Packetboat:
    """packetboatd with a plain listener, which offers STLS, and one of implicit TLS."""

    def __init__(self, folder, imap, account=None, **settings):
        os.makedirs(os.path.join(folder, "state"), exist_ok=True)
        os.chmod(folder, 0o755)
        limits = {"logins_per_minute": 100000, "connections_per_address": 10000, "drain": 2,
                  **settings.pop("limits", {})}
        # Where localhost is ::1 as well, Dovecot is not there: every login tries both addresses.
        account = {"user": "*", "auth": "passthrough", **(account or {})}
        account["imap"] = {"host": "localhost", "port": imap.tls_port, "tls": "implicit",
                           "ca_file": imap.ca, **account.get("imap", {})}
        pair = harness.SHARED.certificate()
        self.ca = harness.SHARED.ca.certificate
        self.daemon = harness.Daemon(str(folder), {
            "state_directory": os.path.join(folder, "state"), "limits": limits,
            "tls": {"certificate": pair.certificate, "private_key": pair.private_key},
            "listeners": [{"address": "127.0.0.1", "port": 0},
                          {"address": "127.0.0.1", "port": 0, "tls": "implicit"}],
            "accounts": [account],
            **settings})

    def start(self):
        self.daemon.start()
        return self

    @property
    def port(self):
        return self.daemon.port("none")

    @property
    def tls_port(self):
        return self.daemon.port("implicit")

    def log(self):
        return self.daemon.log.text() if self.daemon.log else ""

    def stop(self):
        """What is wrong with it, as sentences."""
        status = self.daemon.stop()
        complaints = self.daemon.complaints(USERS.values())
        return complaints if status == 0 else [f"packetboatd ended with {status}", *complaints]

    @staticmethod
    def carries(_):
        return True


class Reference(dovecot.Pop3Front):
    """Dovecot in its place."""

    def start(self):
        super().start()
        return self

    def stop(self):
        super().stop()
        return []

    @staticmethod
    def carries(sample):
        """Dovecot 2.3 does not stuff a dot that is the very first octet of a message, and makes a
        line of an empty message."""
        return sample.octets != b"" and not sample.octets.startswith(b".")


class RealTest(unittest.TestCase):
    """Class fixtures: `imap`, `front`. In setUp: `user`, `password`, `folder`."""

    maxDiff = 2000
    front_class = Reference if REFERENCE else Packetboat

    @classmethod
    def setUpClass(cls):
        cls.imap = cls.front = None
        cls.missing = dovecot.installed()
        if cls.missing:
            return
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="packetboat-real-"))
        cls.root.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.unused = list(USERS)
        cls.imap = dovecot.ImapServer(cls.root / "imap", USERS)
        cls.imap.start()
        cls.addClassCleanup(cls.imap.stop)
        cls.front = cls.make_front().start()
        cls.addClassCleanup(cls._stop_front)

    @classmethod
    def make_front(cls):
        return cls.front_class(cls.root / "front", cls.imap)

    @classmethod
    def _stop_front(cls):
        complaints = cls.front.stop()
        if complaints:
            raise AssertionError("\n".join(complaints))

    def setUp(self):
        if self.missing:
            lacking(self, self.missing)
        self.user = self.unused.pop(0)
        self.password = USERS[self.user]
        self.folder = self.root / self.user
        self.folder.mkdir()

    def run(self, result=None):
        before = 0 if result is None else len(result.failures) + len(result.errors)
        super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            for server in (self.imap, self.front):
                if server is not None:
                    print(f"\n--- {self.id()}\n{server.log()[-10000:]}", file=sys.stderr)

    # Mailboxes.

    def deliver(self, samples):
        """Puts them into the mailbox; what the IMAP server makes of them is certain from here."""
        before = len(self.uids())
        self.imap.deliver(self.user, [sample.octets for sample in samples])
        served = [octets for _, _, octets in self.imap.served(self.user)][before:]
        for sample, octets in zip(samples, served):
            self.assert_same(octets, as_served(sample.octets), f"IMAP gives: {sample.name}")
        self.assertEqual(len(served), len(samples))

    def uids(self):
        return self.imap.uids(self.user)

    # Sessions.

    @property
    def target(self):
        return Target(self.front.port, self.front.tls_port, self.user, self.password,
                      self.front.ca)

    def connect(self, front=None):
        client = Pop3("127.0.0.1", (front or self.front).port)
        self.addCleanup(client.close)
        return client

    def log_in(self, front=None):
        client = self.connect(front)
        reply = client.log_in(self.user, self.password)
        self.assertTrue(reply.ok, reply)
        return client

    def assert_same(self, got, expected, name):
        """Octets; a difference is shown where it begins, not as megabytes."""
        if got == expected:
            return
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b),
                  min(len(got), len(expected)))
        around = slice(max(0, at - 40), at + 40)
        self.fail(f"{name}: {len(got)} octets instead of {len(expected)}, different from octet "
                  f"{at} on:\n     got {got[around]!r}\nexpected {expected[around]!r}")


def retrieved(octets):
    """What RETR sends for a message that was put in with these octets."""
    return as_retrieved(as_served(octets))


def main():
    unittest.main(verbosity=2)
