# SPDX-License-Identifier: ISC
"""Where secrets must not be: command lines, the environment, files, and what a core file would hold.

There are no core files of the daemon, so its memory is read as the kernel would write it: all
mappings but those that are marked to be left out of a dump. That takes root, which CI has."""

import base64
import os
import re
import unittest

from harness import DaemonTest, main
from oauth import OAuthTest


def dumped(pid):
    """What a core file would hold: (name of the mapping, octets) pairs."""
    mappings = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \d+ *(.*)", line)
            if head:
                start, end = int(head.group(1), 16), int(head.group(2), 16)
                mappings.append([start, end, head.group(3), head.group(4).strip()])
            elif line.startswith("VmFlags:") and " dd" in line:
                mappings.pop()
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for start, end, access, name in mappings:
            if not access.startswith("r") or name.startswith("[v") or end - start > 1 << 32:
                continue
            memory.seek(start)
            try:
                yield name, memory.read(end - start)
            except OSError:   # a guard page
                continue


def spots(pid, secrets):
    """Where in the memory of a process any of these is, with what stands around it."""
    found = []
    for name, octets in dumped(pid):
        for secret in secrets:
            at = octets.find(secret)
            while at >= 0:
                found.append((secret, name, octets[max(0, at - 60):at + len(secret) + 60]))
                at = octets.find(secret, at + 1)
    return found


def encodings(secret):
    """A secret in base64, behind any number of octets, as SASL sends it."""
    return [base64.b64encode(b"x" * before + secret)[8:-8] for before in (3, 4, 5)]


def files_below(folder):
    """(path, octets) of all files."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    yield path, file.read()


@unittest.skipUnless(os.geteuid() == 0, "reading the daemon's memory takes root")
class PasswordsTest(DaemonTest):
    def test_the_test_sees_what_is_there(self):
        self.start_imap([b"Subject: of a message\r\n\r\nhello\r\n"])
        self.start_daemon()
        self.log_in()
        self.assertNotEqual(spots(self.daemon.process.pid, [self.USER.encode()]), [])

    def test_passwords_are_gone_from_memory_once_they_were_used(self):
        self.start_imap([b"Subject: of a message\r\n\r\nhello\r\n"])
        self.start_daemon()
        client = self.log_in()
        self.assertEqual(spots(self.daemon.process.pid, [self.password.encode()]), [])
        self.quit(client)
        self.assertEqual(spots(self.daemon.process.pid, [self.password.encode()]), [])


@unittest.skipUnless(os.geteuid() == 0, "reading the daemon's memory takes root")
class TokensTest(OAuthTest):
    """Access and refresh tokens, authorization and device codes, client secrets and assertions."""

    def assert_nowhere(self):
        """Whatever was given out, and the passwords, at any place but the identity provider."""
        secrets = {one.encode() for one in {*self.identity.tokens.texts(), *self.secrets}}
        self.assertGreater(len(secrets), 1)
        secrets.update(one for secret in list(secrets) if len(secret) > 20
                       for one in encodings(secret))
        pid = self.daemon.process.pid
        self.assertEqual(spots(pid, secrets), [])
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                octets = file.read()
            self.assertEqual([one for one in secrets if one in octets], [], name)
        for path, octets in files_below(os.path.join(self.folder, "state")):
            self.assertEqual([one for one in secrets if one in octets], [], path)
        log = self.daemon.log.text().encode()
        self.assertEqual([one for one in secrets if one in log], [])

    def read_mail(self):
        client = self.log_in()
        status, _ = client.retrieve(1)
        self.assert_ok(status)
        self.quit(client)

    def test_of_a_person_who_signs_in(self):
        self.start_outlook([b"Subject: of a message\r\n\r\nhello\r\n"])
        self.start_daemon([self.oauth_account()], log={"level": "debug"})
        for way in ("browser", "device", "paste"):
            with self.subTest(way):
                self.sign_in(way=way)
                self.assert_nowhere()
                self.read_mail()
                self.assert_nowhere()

    def test_of_tokens_that_are_refreshed(self):
        self.start_identity(access_seconds=300)
        self.start_outlook([b"Subject: of a message\r\n\r\nhello\r\n"])
        self.start_daemon([self.oauth_account()], log={"level": "debug"})
        self.sign_in()
        for _ in range(3):
            self.read_mail()
        self.assertGreaterEqual(self.asked(), 3)
        self.assert_nowhere()

    def test_of_an_application(self):
        self.start_outlook([b"Subject: of a message\r\n\r\nhello\r\n"])
        self.start_daemon([self.app_account()], log={"level": "debug"})
        self.read_mail()
        self.assert_nowhere()


if __name__ == "__main__":
    main()
