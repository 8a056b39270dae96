# SPDX-License-Identifier: ISC
"""The tool packetboat as a test runs it, and the control socket by hand."""

import json
import os
import socket
import subprocess

from harness import CEILING, DaemonTest, build_folder
from messages import message

TOOL = os.path.join(build_folder(), "daemon", "packetboat")
MESSAGES = [message("one", b"text\r\n"), message("two", b"text\r\n")]


def run(*arguments, environment=None, stdin=b""):
    """packetboat, to its end, with nothing of our environment that it would heed."""
    return subprocess.run([TOOL, *arguments], input=stdin, capture_output=True, timeout=CEILING,
                          check=False, env={"PATH": os.environ["PATH"], **(environment or {})})


class ControlTest(DaemonTest):
    """A daemon, its control socket at `path`, and the tool."""

    path = None

    def start(self, accounts=None, **settings):
        if self.imap is None:
            self.start_imap(MESSAGES)
        daemon = self.start_daemon(accounts, **settings)
        self.path = self.path_of(daemon)
        return daemon

    @staticmethod
    def path_of(daemon):
        return daemon.log.wait("control").fields["socket"]

    def tool(self, *arguments, **options):
        return run("--socket", self.path, *arguments, **options)

    def status(self):
        done = self.tool("status", "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)

    def dial(self):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.settimeout(CEILING)
        connection.connect(self.path)
        return connection

    def ask(self, line):
        """What is answered to one line, as text, up to the end."""
        connection = self.dial()
        connection.sendall(line)
        return self.read_all(connection)

    @staticmethod
    def read_all(connection):
        answer = b""
        while True:
            try:
                octets = connection.recv(65536)
            except ConnectionResetError:
                octets = b""   # behind an answer that did not wait for the question
            if not octets:
                return answer.decode()
            answer += octets

    def assert_complaint(self, done, code, *words):
        self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])
