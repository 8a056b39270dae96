#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""./quickstart as a new user meets it, but for installing and building."""

import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from harness import (CEILING, ROOT, SHARED, TESTS, build_folder, configuration, main, scrypt)
from oauth import Browser, Tool
from outlook import Directory, Identity, Options, Server, Settings, Store, samples

CLIENT_ID = "11111111-2222-3333-4444-555555555555"


class Run:
    """A run of it, whose output is read as it comes."""

    def __init__(self, arguments, environment):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(TESTS, "quickstart"), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment, cwd=ROOT, start_new_session=True)
        self.text = ""

    def wait_for(self, pattern):
        """Reads until a line matches."""
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"no {pattern} in:\n{self.text}")
            self.text += line
            match = re.search(pattern, line)
            if match:
                return match

    def finish(self):
        self.text += self.process.stdout.read()
        return self.process.wait(CEILING)

    def interrupt(self):
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.finish()

    def close(self):
        if self.process.poll() is None:
            # It takes the daemon, which is in a session of its own, along.
            self.process.terminate()
        self.process.wait(CEILING)
        self.process.stdout.close()


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="packetboat-home-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.environment = {
            name: value for name, value in os.environ.items()
            if name not in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XDG_CONFIG_HOME",
                            "XDG_STATE_HOME")}
        self.environment.update(
            HOME=self.home, PACKETBOAT_BUILD=build_folder(), PYTHONDONTWRITEBYTECODE="1",
            # What is not on this machine is not to be reached.
            https_proxy="http://127.0.0.1:9", no_proxy="127.0.0.1,localhost",
            PYTHONUNBUFFERED="1")

    def start(self, *arguments):
        run = Run(arguments, self.environment)
        self.addCleanup(run.close)
        return run

    @property
    def configuration_file(self):
        return os.path.join(self.home, ".config", "packetboat", "packetboat.conf")


class Demonstration(QuickstartTest):
    def test_it_shows_a_letter(self):
        run = self.start()
        self.assertEqual(run.finish(), 0, run.text)
        self.assertIn("Your parcel is on the packet boat", run.text)
        self.assertIn("button", run.text)
        self.assertIn("It works", run.text.splitlines()[-1])
        self.assertEqual(os.listdir(self.home), [])

    def test_stay_needs_one_command_and_one_click(self):
        run = self.start("--stay")
        run.wait_for("another terminal")
        command = run.wait_for(r"^ +(\S*packetboat) --socket (\S+) login (\S+)$")
        tool = Tool(command.group(2), "login", command.group(3))
        self.addCleanup(tool.close)
        url = tool.line()
        # No certificate that browsers warn of stands between the person and the page.
        self.assertTrue(url.startswith("http://127.0.0.1:"), url)
        browser = Browser()
        status, page, _ = browser.open(url)
        self.assertEqual((status, page.count("Sign in as")), (200, 1))
        browser.sign_in(url, command.group(3))
        self.assertEqual(tool.finish()[:2], (0, f"signed in: {command.group(3)}\n"))
        run.wait_for("You are signed in")
        run.wait_for("Your parcel is on the packet boat")
        run.wait_for("Running")
        self.assertEqual(run.interrupt(), 0, run.text)


class OwnMail(QuickstartTest):
    USER, PASSWORD = "ada@outlook.com", "local-password"

    def test_a_configuration_is_made_for_the_person_alone(self):
        run = self.start("--client-id", CLIENT_ID, self.USER)
        # Microsoft is not to be reached from here, so nobody signs in.
        self.assertEqual(run.finish(), 1, run.text)
        self.assertEqual(stat.S_IMODE(os.stat(self.configuration_file).st_mode), 0o600)
        with open(self.configuration_file, encoding="utf-8") as file:
            text = file.read()
        self.assertIn('provider = "outlook"', text)
        self.assertIn(CLIENT_ID, text)
        password = re.search(r"Password for the mail client: (\S+)", run.text).group(1)
        self.assertRegex(password, r"^([a-z2-9]{4}-){3}[a-z2-9]{4}$")
        self.assertNotIn(password, text)
        self.assertNotIn("tenant", text)
        # The next run uses what is there.
        again = self.start(self.USER)
        self.assertEqual(again.finish(), 1, again.text)
        self.assertIn("was there already", again.text)
        # Nor does it pass over what is said otherwise than there.
        other = self.start("--client-id", CLIENT_ID.replace("1", "9"), self.USER)
        self.assertEqual(other.finish(), 1, other.text)
        self.assertIn("does not say\nclient_id", other.text)
        with open(self.configuration_file, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)

    def test_an_organisations_person_has_a_tenant(self):
        run = self.start("--client-id", CLIENT_ID, "--tenant", "contoso.com", "ada@contoso.com")
        self.assertEqual(run.finish(), 1, run.text)
        with open(self.configuration_file, encoding="utf-8") as file:
            text = file.read()
        self.assertIn('provider = "office365"', text)
        self.assertIn('tenant = "contoso.com"', text)

    def test_the_client_id_is_explained_where_nobody_can_be_asked(self):
        run = self.start(self.USER)
        self.assertEqual(run.finish(), 1)
        for word in ("client ID", "entra.microsoft.com", "SIGNING-IN.md", "--client-id"):
            self.assertIn(word, run.text)
        self.assertFalse(os.path.exists(self.configuration_file))

    def test_a_client_id_that_is_none(self):
        run = self.start("--client-id", "my application", self.USER)
        self.assertEqual(run.finish(), 1)
        self.assertFalse(os.path.exists(self.configuration_file))

    def test_a_file_that_is_for_something_else_stays(self):
        os.makedirs(os.path.dirname(self.configuration_file))
        with open(self.configuration_file, "w", encoding="utf-8") as file:
            file.write('listeners = ({ address = "127.0.0.1"; port = 0; });\n'
                       'accounts = ({ user = "*"; auth = "passthrough"; '
                       'imap = { host = "imap.example.org"; }; });\n')
        run = self.start("--client-id", CLIENT_ID, self.USER)
        self.assertEqual(run.finish(), 1)
        self.assertIn("no account ada@outlook.com", run.text)

    def test_a_person_is_asked(self):
        """At a terminal: the client ID, until it looks like one, and the tenant."""
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        with subprocess.Popen([sys.executable, os.path.join(TESTS, "quickstart"),
                               "ada@contoso.com"], stdin=follower, stdout=follower,
                              stderr=follower, env=self.environment, cwd=ROOT,
                              start_new_session=True) as process:
            os.close(follower)
            self.expect(leader, b"Client ID:", b"nonsense\n")
            self.expect(leader, b"Client ID:", CLIENT_ID.encode() + b"\n")
            self.expect(leader, b"Tenant [contoso.com]:", b"\n")
            self.expect(leader, b"Password for the mail client", b"")
            self.expect(leader, b"nobody is signed in", b"")
            self.assertEqual(process.wait(CEILING), 1)

    def expect(self, terminal, words, answer):
        seen, deadline = b"", time.monotonic() + CEILING
        while words not in re.sub(rb"\x1b\[[0-9;]*m", b"", seen):
            if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                self.fail(f"no {words} in {seen}")
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                self.fail(f"no {words} in {seen}")
        os.write(terminal, answer)

    def test_somebody_signs_in_and_finds_the_mail(self):
        self.prepare()
        run = self.start(self.USER)
        run.wait_for(r"login ada@outlook.com --device$")
        url, code = run.wait_for(r"^(https://\S+)$"), run.wait_for(r"^([A-Z0-9]{6,12})$")
        Browser().enter_code(url.group(1), code.group(1), self.USER)
        run.wait_for("The mailbox opens")
        port = run.wait_for(r"Port: +(\d+)").group(1)
        run.wait_for("Ctrl-C stops it")
        with socket.create_connection(("127.0.0.1", int(port)), 10) as client:
            self.assertTrue(client.recv(100).startswith(b"+OK"))
        self.assertEqual(run.interrupt(), 0, run.text)
        # The next run needs no sign-in.
        again = self.start(self.USER)
        again.wait_for("Ctrl-C stops it")
        self.assertNotIn("--device", again.text)
        self.assertEqual(again.interrupt(), 0, again.text)

    def test_somebody_changes_their_mind(self):
        """Ctrl-C cancels the sign-in, of which the daemon is told; closing the window ends all."""
        self.prepare()
        run = self.start(self.USER)
        run.wait_for("Ctrl-C cancels")
        self.assertEqual(run.interrupt(), 1, run.text)
        self.assertIn("cancelled; nothing was changed", run.text)
        self.assertIn("The configuration stays", run.text)
        again = self.start(self.USER)
        again.wait_for("Ctrl-C cancels")
        again.process.send_signal(signal.SIGHUP)
        again.finish()
        # Nothing is left that would be in the way.
        third = self.start(self.USER)
        third.wait_for("Ctrl-C cancels")
        self.assertEqual(third.interrupt(), 1, third.text)

    def prepare(self):
        """A configuration as somebody has it who edited the one that was made: everything is on
        this machine."""
        directory = Directory()
        directory.add_person(self.USER, directory.consumers)
        directory.add_application(directory.consumers, client_id=CLIENT_ID)
        identity = Identity(directory, Settings(interval=1), *SHARED.certificate()).start()
        self.addCleanup(identity.stop)
        store = Store()
        inbox = store.add_user(self.USER).inbox
        for octets, _ in samples.letters(self.USER):
            inbox.append(octets)
        server = Server(store, Options(passwords=False), *SHARED.certificate(),
                        identity=identity).start()
        self.addCleanup(server.stop)
        state = os.path.join(self.home, ".local", "state", "packetboat")
        for folder in (os.path.dirname(self.configuration_file), os.path.join(state, "run")):
            os.makedirs(folder, mode=0o700)
        with open(self.configuration_file, "w", encoding="utf-8") as file:
            file.write(configuration({
                "state_directory": state, "runtime_directory": os.path.join(state, "run"),
                "listeners": [{"address": "127.0.0.1", "port": 0}],
                "accounts": [{
                    "user": self.USER, "password_hash": scrypt(self.PASSWORD),
                    "provider": "outlook",
                    "imap": {"host": "127.0.0.1", "port": server.port,
                             "ca_file": SHARED.ca.certificate},
                    "oauth": {"client_id": CLIENT_ID, "authority": identity.authority,
                              "ca_file": SHARED.ca.certificate}}]}))
        os.chmod(self.configuration_file, 0o600)


if __name__ == "__main__":
    main()
